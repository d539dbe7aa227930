import assert from "node:assert/strict";
import { ERROR_CODES, RemoteExecError } from "../../src/errors.ts";
import { createLogger } from "../../src/log.ts";
import { expose } from "../../src/rpc/expose.ts";
import { remote } from "../../src/rpc/remote.ts";
import { post } from "../../src/rpc/wire.ts";

interface Port {
  fail(code: string): Promise<void>;
  defect(): Promise<void>;
  echo(value: unknown): Promise<unknown>;
  uncopied(): Promise<unknown>;
  stream(text: string): Promise<{ readonly stream: ReadableStream<Uint8Array> }>;
}

const lines: string[] = [];
const logger = createLogger("debug", [], (line) => lines.push(line));

const port = {
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
  uncopied: (): Promise<unknown> => Promise.resolve(() => {}),
  stream: (text: string) => Promise.resolve({ stream: new Blob([text]).stream() }),
};

/** Runs a test over a real message channel, as between two isolates. */
async function overChannel(run: (port: Port) => Promise<void>): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  expose(port, logger, port1);
  try {
    await run(remote<Port>(port2).port);
  } finally {
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

Deno.test("expose() answers a defect with an internal error without its text, and logs it", () =>
  overChannel(async (remote) => {
    await assert.rejects(remote.defect(), (error) => {
      assert.ok(error instanceof RemoteExecError);
      assert.equal(error.code, "internal");
      assert.doesNotMatch(`${error.message} ${error.suggestion}`, /correct horse/);
      return true;
    });
    assert.ok(
      lines.some((line) => line.includes("defect in a call") && line.includes("correct")),
    );
  }));

Deno.test("remote() transfers streams and ports, as an argument or in an object", () =>
  overChannel(async (remote) => {
    const { stream } = await remote.stream("field");
    assert.equal(await new Response(stream).text(), "field");
    const bare = await remote.echo(new Blob(["bare"]).stream());
    assert.ok(bare instanceof ReadableStream);
    assert.equal(await new Response(bare).text(), "bare");
    const { port1, port2 } = new MessageChannel();
    const back = await remote.echo(port1);
    assert.ok(back instanceof MessagePort);
    const again = await remote.echo({ port: back });
    const { port } = again as { port: MessagePort }; // what was sent
    const heard = new Promise((resolve) => port.onmessage = ({ data }) => resolve(data));
    port2.postMessage("heard");
    assert.equal(await heard, "heard");
    for (const each of [port, port2]) each.close();
  }));

Deno.test("a value that cannot be copied fails its call, on either side", () =>
  overChannel(async (remote) => {
    await assert.rejects(remote.echo({ deep: { fn: () => {} } }), /could not be cloned/);
    await assert.rejects(remote.uncopied(), { code: "internal" });
    assert.equal(await remote.echo("x"), "x");
  }));

Deno.test("remote() returns a port that can be awaited", () =>
  overChannel(async (remote) => assert.equal(await Promise.resolve(remote), remote)));

/** A port whose call ends when it is aborted, with the reason that it sees. */
function abortable() {
  const { port1, port2 } = new MessageChannel();
  const calls = expose(
    {
      wait: (signal: AbortSignal) =>
        new Promise((_resolve, reject) => {
          const end = () => reject(signal.reason);
          if (signal.aborted) end();
          else signal.addEventListener("abort", end);
        }),
    },
    logger,
    port1,
  );
  const { port } = remote<{ wait(signal: AbortSignal): Promise<void> }>(port2);
  return {
    ...{ port, calls },
    [Symbol.dispose]() {
      port1.close();
      port2.close();
    },
  };
}

Deno.test("remote() aborts the peer's signal when a signal aborts or already has", async () => {
  using side = abortable();
  const controller = new AbortController();
  const waiting = side.port.wait(controller.signal);
  const other = side.port.wait(new AbortController().signal);
  controller.abort(new Error("a reason that stays here"));
  await assert.rejects(waiting, { code: "cancelled" });
  await assert.rejects(side.port.wait(AbortSignal.abort()), { code: "cancelled" });
  side.calls.cancelAll();
  await assert.rejects(other, { code: "cancelled" });
});

Deno.test("remote() leaves no listener on a signal whose call has ended", () =>
  overChannel(async (remote) => {
    let listeners = 0;
    const { signal } = new AbortController();
    const [add, remove] = [signal.addEventListener, signal.removeEventListener];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove.apply(signal, args);
    };
    await remote.echo(signal).catch(() => {});
    assert.equal(listeners, 0);
  }));

Deno.test("a stream that the peer does not read is cancelled", () =>
  overChannel(async (remote) => {
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      cancel() {
        cancelled = true;
      },
    });
    await (remote as unknown as { fail(code: string, stream: ReadableStream): Promise<void> })
      .fail("not_permitted", stream).catch(() => {});
    while (!cancelled) await new Promise((resolve) => setTimeout(resolve));
  }));

Deno.test("post() passes a transfer list only if there is something to transfer", () => {
  const { port1, port2 } = new MessageChannel();
  const posted: unknown[][] = [];
  const end = {
    addEventListener() {},
    postMessage: (...args: unknown[]) => void posted.push(args),
  };
  post(end, "none");
  post(end, "empty", []);
  post(end, "one", [port1]);
  assert.deepEqual(posted, [["none"], ["empty"], ["one", [port1]]]);
  for (const port of [port1, port2]) port.close();
});
