import assert from "node:assert/strict";
import { createLogger } from "../../src/log.ts";
import { permissionTable } from "../../src/sandbox/permissions.ts";
import { type FilesUser, HostWorkers } from "../../src/server/host_workers.ts";
import { configOf, fakeMachine } from "../support/config.ts";
import { PROJECT } from "../support/project.ts";

/** Workers of three hosts, the last of which cannot be used; a call of `listJobs` kills a worker. */
async function withWorkers(run: (workers: HostWorkers) => Promise<void>): Promise<void> {
  const texts = { "/home/me/.ssh/config": "Host old\n  ProxyCommand nc %h %p\n" };
  const env = { HOST: undefined, HOSTS: "web1,web2,old" };
  const config = configOf(env, fakeMachine({ texts }));
  assert.ok(config.hosts);
  const table = permissionTable(config, [PROJECT]);
  const logger = createLogger("error", [], () => {});
  const workers = new HostWorkers(
    config,
    config.hosts,
    table,
    logger,
    (name, permissions) =>
      new Worker(new URL("../sandbox/probe_launcher.ts", import.meta.url), {
        type: "module",
        name,
        deno: { permissions },
      }),
  );
  try {
    await run(workers);
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
    await Promise.all([workers.connectFiles(1, user), workers.connectFiles(1, user)]);
    await workers.connectFiles(1, user);
    await assert.rejects(workers.port(1).listJobs(signal), { code: "worker_died" });
    await gone.promise;
    await workers.connectFiles(1, user);
    assert.deepEqual(connected, ["1 connected", "1 ended", "1 connected"]);
  }));
