import assert from "node:assert/strict";
import type { Environment } from "../../src/config/environment.ts";
import { createLogger } from "../../src/log.ts";
import { permissionTable } from "../../src/sandbox/permissions.ts";
import type { FilesUser } from "../../src/server/host_worker.ts";
import { HostWorkers } from "../../src/server/host_workers.ts";
import { configOf, fakeMachine } from "../support/config.ts";
import { startedBy } from "../sandbox/probe_launcher_count.ts";
import { PROJECT } from "../support/project.ts";

/** Workers of three hosts, the last of which cannot be used; a call of `listJobs` kills a worker. */
async function withWorkers(
  run: (workers: HostWorkers, launcher: Worker) => Promise<void>,
  more: Environment = {},
): Promise<void> {
  const texts = {
    "/home/me/.ssh/config": "Host old\n  ProxyCommand nc %h %p\nHost *\n  HostName 127.0.0.1\n",
  };
  const env = { HOST: undefined, HOSTS: "web1,web2,old,web3", ...more };
  const config = configOf(env, fakeMachine({ texts }));
  let launcher: Worker | undefined;
  assert.ok(config.hosts);
  const table = permissionTable(config, [PROJECT]);
  const logger = createLogger("error", [], () => {});
  const workers = new HostWorkers(
    config,
    config.hosts,
    table,
    logger,
    (name, permissions) =>
      launcher = new Worker(new URL("../sandbox/probe_launcher.ts", import.meta.url), {
        type: "module",
        name,
        deno: { permissions },
      }),
  );
  assert.ok(launcher);
  try {
    await run(workers, launcher);
  } finally {
    workers.terminate();
  }
}

const { signal } = new AbortController();
const REQUEST = { command: "true", timeoutMs: 1_000 };

Deno.test("a host's worker that died is started again by the next call, and no other notices", () =>
  withWorkers(async (workers) => {
    const [first, second] = [workers.port(0), workers.port(1)];
    assert.equal(await first.exec(REQUEST, signal), "alive");
    assert.equal(await second.exec(REQUEST, signal), "alive");
    await assert.rejects(first.listJobs(signal), { code: "worker_died" });
    assert.equal(await second.exec(REQUEST, signal), "alive");
    assert.equal(await first.exec(REQUEST, signal), "alive");
  }));

Deno.test("a host that cannot be used has no worker, and its calls say why", () =>
  withWorkers(async (workers) => {
    await assert.rejects(workers.port(2).exec(REQUEST, signal), {
      code: "host_unusable",
      message: /ProxyCommand/,
    });
  }));

Deno.test("files are connected once per start of a host's worker, and disconnected at its death", () =>
  withWorkers(async (workers) => {
    const connected: string[] = [];
    const gone = Promise.withResolvers<void>();
    const user: FilesUser = {
      isUsing: () => Promise.resolve(false),
      grant: () => Promise.resolve({ kinds: [], write: false, shellPrefix: undefined }),
      port: {
        connectHost(host, files) {
          connected.push(`${host} ${files === undefined ? "ended" : "connected"}`);
          files?.close();
          if (files === undefined) gone.resolve();
          return Promise.resolve();
        },
      },
    };
    const connect = () => workers.withFiles(1, user, () => Promise.resolve());
    await Promise.all([connect(), connect()]);
    await connect();
    await assert.rejects(workers.port(1).listJobs(signal), { code: "worker_died" });
    await gone.promise;
    await connect();
    assert.deepEqual(connected, ["1 connected", "1 ended", "1 connected"]);
  }));

const exec = (workers: HostWorkers, host: number) => workers.port(host).exec(REQUEST, signal);

Deno.test("at most MAX_HOST_WORKERS run: the longest idle one is ended for another host", () =>
  withWorkers(async (workers, launcher) => {
    for (const host of [0, 1, 0, 1, 0]) assert.equal(await exec(workers, host), "alive");
    assert.equal(await startedBy(launcher), 2);
    assert.equal(await exec(workers, 3), "alive");
    assert.equal(await exec(workers, 0), "alive");
    assert.equal(await startedBy(launcher), 3);
    assert.equal(await exec(workers, 1), "alive");
    assert.equal(await startedBy(launcher), 4);
  }, { MAX_HOST_WORKERS: "2" }));

Deno.test("a worker that is started again knows the host keys and the refusal of sudo of the ended one", () =>
  withWorkers(async (workers) => {
    const first = workers.port(0);
    assert.equal(await first.diagnose(), undefined);
    assert.equal(await workers.port(1).diagnose(), undefined);
    const memory = { hostKeys: [[0, Uint8Array.of(1, 2)]], isSudoWrong: true };
    assert.deepEqual(await first.diagnose(), memory);
  }, { MAX_HOST_WORKERS: "1" }));

Deno.test("calls to more hosts than may have workers wait for each other", () =>
  withWorkers(async (workers) => {
    const calls = [0, 1, 3, 0, 1, 3].map((host) => exec(workers, host));
    assert.deepEqual(await Promise.all(calls), Array(6).fill("alive"));
  }, { MAX_HOST_WORKERS: "1" }));

Deno.test("calls to two hosts each do not wait for each other's hosts", () =>
  withWorkers(async (workers) => {
    const copies = [1, 3].map((to) =>
      workers.between(
        0,
        to,
        (source, target) =>
          Promise.all([source.sendFile("", 0, signal), target.sendFile("", 0, signal)]),
      )
    );
    assert.equal((await Promise.all(copies)).length, 2);
  }, { MAX_HOST_WORKERS: "2", TIMEOUT: "20" }));

Deno.test("a host's worker with a call or a link is not ended", () =>
  withWorkers(async (workers, launcher) => {
    let isUsed = true;
    const user: FilesUser = {
      isUsing: () => Promise.resolve(isUsed),
      grant: () => Promise.resolve({ kinds: [], write: false, shellPrefix: undefined }),
      port: {
        connectHost(_host, files) {
          files?.close();
          return Promise.resolve();
        },
      },
    };
    await workers.withFiles(0, user, () => Promise.resolve());
    const busy = { code: "limit_reached", message: /^The workers of 1 hosts are in use/ };
    await assert.rejects(exec(workers, 1), busy);
    assert.equal(await startedBy(launcher), 1);
    isUsed = false;
    assert.equal(await exec(workers, 1), "alive");
    const hanging = workers.port(1).stat({ kind: "host", path: "/" }, signal);
    hanging.catch(() => {});
    await assert.rejects(exec(workers, 0), busy);
    assert.equal(await startedBy(launcher), 2);
  }, { MAX_HOST_WORKERS: "1", TIMEOUT: "1" }));
