import assert from "node:assert/strict";
import { RemoteExecError } from "../../src/errors.ts";
import { createLogger } from "../../src/log.ts";
import { spawn, type SpawnedWorker } from "../../src/sandbox/spawn.ts";

interface Probe {
  answer(): Promise<string>;
  hang(): Promise<never>;
  die(): Promise<never>;
  harden(): Promise<void>;
  rejectUnseen(): Promise<string>;
  fail(): Promise<never>;
}

const PERMISSIONS = { worker: "ssh", net: [], read: [], write: [] } as const;

async function withProbe(
  run: (probe: SpawnedWorker<Probe>, lines: string[]) => Promise<void>,
): Promise<void> {
  const lines: string[] = [];
  const logger = createLogger("debug", [], (line) => lines.push(line));
  const probe = spawn<Probe>(
    PERMISSIONS,
    logger,
    (name, permissions) =>
      new Worker(new URL("./probe_worker.ts", import.meta.url), {
        type: "module",
        name,
        deno: { permissions },
      }),
  );
  try {
    await run(probe, lines);
  } finally {
    probe.terminate();
  }
}

const died = (error: unknown) =>
  error instanceof RemoteExecError && error.code === "worker_died" &&
  error.message === "The ssh worker of the server ended unexpectedly" &&
  /^Restart the MCP server/.test(error.suggestion);

Deno.test("spawn() returns a port whose calls are answered", () =>
  withProbe(async ({ port }) => assert.equal(await port.answer(), "alive")));

Deno.test("spawn() passes on errors with code and suggestion", () =>
  withProbe(async ({ port }) => {
    await assert.rejects(port.fail(), {
      code: "locked",
      message: "it is locked",
      suggestion: "Unlock it",
    });
  }));

Deno.test("spawn() answers pending and later calls when the worker dies, and says so once", () =>
  withProbe(async ({ port, died: death }, lines) => {
    const pending = assert.rejects(port.hang(), died);
    await assert.rejects(port.die(), died);
    await pending;
    await assert.rejects(port.answer(), died);
    await assert.rejects(death, died);
    assert.equal(lines.filter((line) => line.startsWith("[error] worker ssh died")).length, 1);
  }));

Deno.test("surviveDefects() keeps the worker alive when a promise is rejected unhandled or a callback throws", () =>
  withProbe(async ({ port, died: death }) => {
    await port.harden();
    assert.equal(await port.rejectUnseen(), "done");
    void port.die().catch(() => {});
    for (let turn = 0; turn < 5; turn++) assert.equal(await port.answer(), "alive");
    death.catch(() => assert.fail("the worker has died"));
  }));
