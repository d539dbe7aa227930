import * as comlink from "comlink";
import assert from "node:assert/strict";
import { ERROR_CODES, RemoteExecError } from "../../src/errors.ts";
import { createLogger } from "../../src/log.ts";
import { expose } from "../../src/sandbox/expose.ts";

interface Port {
  fail(code: string): Promise<void>;
  defect(): Promise<void>;
  echo(value: unknown): Promise<unknown>;
  secret: string;
}

const lines: string[] = [];
const logger = createLogger("debug", [], (line) => lines.push(line));

const port = {
  secret: "not a function",
  fail(code: string): Promise<void> {
    const known = ERROR_CODES.find((each) => each === code) ?? "internal";
    return Promise.reject(
      new RemoteExecError(known, `message of ${code}`, `suggestion of ${code}`, {
        cause: new Error("inside"),
      }),
    );
  },
  defect: (): Promise<void> => Promise.reject(new TypeError("the password is correct horse")),
  echo: (value: unknown): Promise<unknown> => Promise.resolve(value),
};

/** Runs a test over a real message channel, as between two isolates. */
async function overChannel(run: (remote: comlink.Remote<Port>) => Promise<void>): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  expose(port, logger, port1);
  const remote = comlink.wrap<Port>(port2);
  try {
    await run(remote);
  } finally {
    remote[comlink.releaseProxy]();
    port1.close();
    port2.close();
  }
}

Deno.test("expose() carries code, message and suggestion of every known error", () =>
  overChannel(async (remote) => {
    for (const code of ERROR_CODES) {
      await assert.rejects(remote.fail(code), (error) => {
        assert.ok(error instanceof RemoteExecError);
        assert.deepEqual(
          [error.code, error.message, error.suggestion],
          [code, `message of ${code}`, `suggestion of ${code}`],
        );
        return true;
      });
    }
  }));

Deno.test("expose() turns a defect into an internal error without its text, and logs it", () =>
  overChannel(async (remote) => {
    await assert.rejects(remote.defect(), (error) => {
      assert.ok(error instanceof RemoteExecError);
      assert.equal(error.code, "internal");
      assert.doesNotMatch(`${error.message} ${error.suggestion}`, /correct horse/);
      return true;
    });
    assert.ok(
      lines.some((line) => line.includes("defect in a worker") && line.includes("correct")),
    );
  }));

Deno.test("expose() gives functions only", () =>
  overChannel(async (remote) => {
    await assert.rejects(async () => await remote.secret, { code: "internal" });
    assert.equal(await remote.echo("x"), "x");
    await assert.rejects(async () => {
      await (remote as unknown as { constructor: (...args: unknown[]) => Promise<unknown> })
        .constructor("return 1");
    });
  }));
