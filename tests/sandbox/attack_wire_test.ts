import * as comlink from "comlink";
import assert from "node:assert/strict";
import { createLogger } from "../../src/log.ts";
import { expose } from "../../src/sandbox/expose.ts";

const logger = createLogger("error", [], () => {});

/** What a hijacked worker can write on the wire: any path, any kind of request. */
interface Anything {
  (...args: unknown[]): Promise<unknown>;
  new (...args: unknown[]): Promise<Anything>;
  readonly constructor: Anything;
  readonly call: Anything;
  readonly stat: Anything;
  readonly attack: Anything;
}

/** One end of a channel whose other end answers as a port with one function `stat`. */
async function overChannel(run: (end: MessagePort, remote: Anything) => Promise<void>) {
  const { port1, port2 } = new MessageChannel();
  expose({ stat: () => Promise.resolve("facts") }, logger, port1);
  const remote = comlink.wrap(port2) as unknown as Anything;
  port2.start();
  try {
    await run(port2, remote);
    assert.equal(await remote.stat(), "facts", "the port still answers");
  } finally {
    port1.close();
    port2.close();
  }
}

/** Has a text made a function in the isolate that `target` belongs to? */
async function compiles(target: Anything): Promise<boolean> {
  try {
    const made = await new target.constructor("return 'foreign code'");
    return await made() === "foreign code";
  } catch (error) {
    assert.match(String(error), /may only be called/);
    return false;
  }
}

Deno.test("expose() does not let the other side make functions out of text", () =>
  overChannel(async (_end, remote) => {
    assert.equal(await compiles(remote.stat), false);
    assert.equal(await compiles(remote.stat.constructor), false);
    await assert.rejects(async () => await remote.stat.call(null), /may only be called/);
  }));

Deno.test("expose() does not let the other side read or set anything", () =>
  overChannel(async (end, remote) => {
    await assert.rejects(
      async () => await (remote.stat as unknown as { name: string }).name,
      /may only be called/,
    );
    const answered = new Promise((resolve) =>
      end.addEventListener("message", ({ data }) => data.id === "set" && resolve(data.name))
    );
    end.postMessage({
      id: "set",
      type: "SET",
      path: ["stat", "constructor", "prototype", "polluted"],
      value: { type: "RAW", value: true },
    });
    assert.equal(await answered, "throw");
    assert.equal("polluted" in (() => {}), false);
  }));

Deno.test("expose() answers requests that cannot be read, and lives on", () =>
  overChannel(async (end) => {
    const wire = [
      { type: "APPLY", path: ["stat"], argumentList: [{ type: "HANDLER", name: "none" }] },
      { type: "APPLY", path: ["stat"], argumentList: 1 },
      { type: "APPLY", path: "stat" },
      { type: "APPLY", path: [{}] },
      { type: "APPLY", path: ["hasOwnProperty"] },
      { type: "APPLY", path: [] },
      { type: "ENDPOINT" },
      { type: "nonsense" },
    ];
    for (const [id, request] of wire.entries()) {
      const answered = new Promise((resolve) =>
        end.addEventListener("message", ({ data }) => data.id === `try ${id}` && resolve(data.name))
      );
      end.postMessage({ id: `try ${id}`, ...request });
      assert.equal(await answered, "throw", JSON.stringify(request));
    }
    end.postMessage("not even an object");
    end.postMessage(null);
  }));

Deno.test("expose() protects the functions that it is handed for a call back", async () => {
  const { port1, port2 } = new MessageChannel();
  const attempts = Promise.withResolvers<boolean>();
  expose(
    {
      async attack(callback: Anything) {
        attempts.resolve(await compiles(callback));
        await callback("a plain call");
      },
    },
    logger,
    port1,
  );
  const remote = comlink.wrap(port2) as unknown as Anything;
  port2.start();
  const seen: unknown[] = [];
  await remote.attack(comlink.proxy((text: unknown) => void seen.push(text)));
  assert.equal(await attempts.promise, false);
  assert.deepEqual(seen, ["a plain call"]);
  port1.close();
  port2.close();
});
