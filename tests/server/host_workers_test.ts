// @isolate: it waits for many starts of workers, each of which takes a second.
import assert from "node:assert/strict";
import type { HostWorkers } from "../../src/server/host_workers.ts";
import {
  exec,
  LEARNED,
  nothing,
  REQUEST,
  signal,
  userOf,
  withWorkers,
} from "./probe_host_workers.ts";

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
    const events: string[] = [];
    const gone = Promise.withResolvers<void>();
    const user = userOf({
      connected: () => events.push("connected"),
      ended() {
        events.push("ended");
        gone.resolve();
      },
    });
    const connect = () => workers.withFiles(1, user, nothing);
    await Promise.all([connect(), connect()]);
    await connect();
    await assert.rejects(workers.port(1).listJobs(signal), { code: "worker_died" });
    await gone.promise;
    await connect();
    assert.deepEqual(events, ["connected", "ended", "connected"]);
  }));

Deno.test("a worker that is started again knows the host keys and the refusal of sudo of the ended one", () =>
  withWorkers(async (workers) => {
    const first = workers.port(0);
    assert.equal(await first.diagnose(), undefined);
    assert.equal(await workers.port(1).diagnose(), undefined);
    assert.deepEqual(await first.diagnose(), LEARNED);
  }, { MAX_HOST_WORKERS: "1" }));

/** Copies from host 0 to hosts 1 and 3 at the same moment. */
const copyTwice = (workers: HostWorkers) =>
  Promise.all([1, 3].map((to) =>
    workers.between(
      0,
      to,
      (source, target) =>
        Promise.all([source.sendFile("", 0, signal), target.sendFile("", 0, signal)]),
    )
  ));

for (const MAX_HOST_WORKERS of ["2", "1"]) {
  Deno.test(`copies between hosts end when ${MAX_HOST_WORKERS} workers may run`, () =>
    withWorkers(async (workers) => {
      assert.equal((await copyTwice(workers)).length, 2);
      assert.equal(await exec(workers, 0), "alive");
    }, { MAX_HOST_WORKERS, TIMEOUT: "20" }));
}
