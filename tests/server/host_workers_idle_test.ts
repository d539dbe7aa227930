// @isolate: it waits for many starts of workers, each of which takes a second.
import assert from "node:assert/strict";
import { IDLE_MS } from "../../src/server/host_workers.ts";
import { startedBy } from "../sandbox/probe_launcher_count.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { until } from "../support/until.ts";
import {
  exec,
  LEARNED,
  nothing,
  signal,
  type Usage,
  userOf,
  withWorkers,
} from "./probe_host_workers.ts";

Deno.test("a host's worker that is idle for minutes is ended, and started again with what it had learned", async () => {
  const clock = new FakeClock();
  await withWorkers(
    async (workers, launcher) => {
      const gone = Promise.withResolvers<void>();
      await workers.withFiles(0, userOf({ ended: gone.resolve }), nothing);
      clock.advance(IDLE_MS - 1);
      assert.equal(await exec(workers, 0), "alive");
      clock.advance(IDLE_MS - 1);
      assert.equal(await exec(workers, 0), "alive");
      assert.equal(await startedBy(launcher), 1);
      clock.advance(IDLE_MS);
      await gone.promise;
      assert.deepEqual(await workers.port(0).diagnose(), LEARNED);
      assert.equal(await startedBy(launcher), 2);
    },
    {},
    clock,
  );
});

Deno.test("a host's worker with an open link is not ended for being idle", async () => {
  const clock = new FakeClock();
  await withWorkers(
    async (workers, launcher) => {
      const asked = Promise.withResolvers<void>();
      const gone = Promise.withResolvers<void>();
      const usage: Usage = { isUsed: true, ended: gone.resolve, asked: asked.resolve };
      await workers.withFiles(0, userOf(usage), nothing);
      clock.advance(IDLE_MS);
      await asked.promise;
      assert.equal(await exec(workers, 0), "alive");
      assert.equal(await startedBy(launcher), 1);
      usage.isUsed = false;
      clock.advance(IDLE_MS);
      await gone.promise;
    },
    {},
    clock,
  );
});

Deno.test("a host's worker that does not answer for minutes is ended with its calls", async () => {
  const clock = new FakeClock();
  await withWorkers(
    async (workers) => {
      assert.equal(await exec(workers, 0), "alive");
      const isOver = { value: false };
      const hanging = assert.rejects(workers.port(0).stopJob("job", signal), {
        code: "worker_died",
      })
        .finally(() => isOver.value = true);
      await until("the worker is ended", async () => {
        assert.equal(await exec(workers, 1), "alive");
        clock.advance(30_000);
        return isOver.value;
      });
      await hanging;
      assert.equal(await exec(workers, 0), "alive");
    },
    {},
    clock,
  );
});

Deno.test("a host's worker that only works for long is not ended", async () => {
  const clock = new FakeClock();
  await withWorkers(
    async (workers, launcher) => {
      const working = workers.port(0).stat({ kind: "host", path: "/" }, signal);
      working.catch(() => {});
      for (let minute = 0; minute < 20; minute++) {
        assert.equal(await exec(workers, 0), "alive");
        clock.advance(60_000);
      }
      assert.equal(await startedBy(launcher), 1);
    },
    {},
    clock,
  );
});

Deno.test("the worker after one that died knows what that one had learned", () =>
  withWorkers(async (workers) => {
    const host = workers.port(0);
    // The second answer comes after that of the question in between.
    for (let call = 0; call < 2; call++) assert.equal(await exec(workers, 0), "alive");
    await assert.rejects(host.listJobs(signal), { code: "worker_died" });
    assert.deepEqual(await host.diagnose(), LEARNED);
  }));

Deno.test("with few hosts, the workers of all are started before their first calls", async () => {
  const clock = new FakeClock();
  await withWorkers(
    async (workers, launcher) => {
      workers.prepare();
      clock.advance(3_000);
      await until(
        "the workers of the three usable hosts",
        async () => await startedBy(launcher) === 3,
      );
      for (const host of [0, 1, 3]) {
        assert.equal(await exec(workers, host), "alive");
      }
      assert.equal(await startedBy(launcher), 3);
    },
    {},
    clock,
  );
});

Deno.test("no worker is started ahead if not all hosts may have one", async () => {
  const clock = new FakeClock();
  await withWorkers(
    async (workers, launcher) => {
      workers.prepare();
      clock.advance(3_000);
      assert.equal(await exec(workers, 0), "alive");
      assert.equal(await startedBy(launcher), 1);
    },
    { MAX_HOST_WORKERS: "2" },
    clock,
  );
});
