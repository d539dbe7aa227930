// @isolate: it waits for many starts of workers, each of which takes a second.
import assert from "node:assert/strict";
import { startedBy } from "../sandbox/probe_launcher_count.ts";
import { exec, nothing, signal, userOf, withWorkers } from "./probe_host_workers.ts";

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

Deno.test("calls to more hosts than may have workers wait for each other", () =>
  withWorkers(async (workers) => {
    const calls = [0, 1, 3, 0, 1, 3].map((host) => exec(workers, host));
    assert.deepEqual(await Promise.all(calls), Array(6).fill("alive"));
  }, { MAX_HOST_WORKERS: "1" }));

Deno.test("a host's worker with a call or a link is not ended", () =>
  withWorkers(async (workers, launcher) => {
    const usage = { isUsed: true };
    await workers.withFiles(0, userOf(usage), nothing);
    const busy = { code: "limit_reached", message: /^The workers of 1 hosts are in use/ };
    await assert.rejects(exec(workers, 1), busy);
    assert.equal(await startedBy(launcher), 1);
    usage.isUsed = false;
    assert.equal(await exec(workers, 1), "alive");
    const hanging = workers.port(1).stat({ kind: "host", path: "/" }, signal);
    hanging.catch(() => {});
    await assert.rejects(exec(workers, 0), busy);
    assert.equal(await startedBy(launcher), 2);
  }, { MAX_HOST_WORKERS: "1", TIMEOUT: "3" }));
