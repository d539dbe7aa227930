// @isolate: it waits for many starts of workers, each of which takes a second.
import assert from "node:assert/strict";
import type { FilesUser } from "../../src/server/host_worker.ts";
import { REQUEST, signal, withWorkers } from "./probe_host_workers.ts";

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

Deno.test("a worker that is started again knows the host keys and the refusal of sudo of the ended one", () =>
  withWorkers(async (workers) => {
    const first = workers.port(0);
    assert.equal(await first.diagnose(), undefined);
    assert.equal(await workers.port(1).diagnose(), undefined);
    const memory = { hostKeys: [[0, Uint8Array.of(1, 2)]], isSudoWrong: true };
    assert.deepEqual(await first.diagnose(), memory);
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
