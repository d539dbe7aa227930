/** What a hostile or broken ImageKit may try. */
import assert from "node:assert/strict";
import type { ImageKitConfig } from "../../../../src/config/config.ts";
import { ImageKitBridge } from "../../../../src/transfers/worker/imagekit/imagekit_bridge.ts";
import { call, isFailure, readAll } from "../../../contracts/bridge.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { until } from "../../../support/until.ts";
import { silent } from "../r2/fixture.ts";

const MIB = 1024 * 1024;
const NAME = "object";

const CONFIG: ImageKitConfig = {
  publicKey: "public_x",
  privateKey: "private_x",
  urlEndpoint: "https://ik.imagekit.io/x",
  folder: "/f",
  transferTimeoutMs: 3_300_000,
  maxFileBytes: 25_000_000,
  apiUrl: "https://api.imagekit.io",
  uploadUrl: "https://upload.imagekit.io",
};

const FILE = {
  ...{ type: "file", fileId: "1", name: NAME, filePath: `/f/${NAME}`, size: 3 },
  ...{ createdAt: "2026-09-21T14:13:20.000Z", updatedAt: "2026-09-21T14:13:20.000Z" },
};

type Answer = (url: URL, signal: AbortSignal | null | undefined) => Response | Promise<Response>;

function bridgeWith(answer: Answer) {
  const clock = new FakeClock({ skipUpToMs: 4_000 });
  const fetcher: typeof fetch = async (input, init) =>
    await answer(new URL(input instanceof Request ? input.url : String(input)), init?.signal);
  const bridge = new ImageKitBridge(CONFIG, { fetch: fetcher, clock, logger: silent });
  return { bridge, clock };
}

/** An answer that never arrives; it rejects when its signal is aborted. */
const neverAnswer = (signal: AbortSignal | null | undefined) =>
  new Promise<Response>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

/** Advances the clock until the work has ended. */
async function within<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let over = false;
  const watched = work.finally(() => over = true);
  watched.catch(() => {});
  await until("the end", () => {
    clock.advance(20_000);
    return over;
  });
  return await watched;
}

Deno.test("open() aborts a delivery whose answer never starts", async () => {
  const { bridge, clock } = bridgeWith((url, signal) =>
    url.host === "ik.imagekit.io" ? neverAnswer(signal) : Response.json(FILE)
  );
  const opening = bridge.open({ name: NAME, id: "1" }, MIB, call());
  await assert.rejects(within(clock, opening), isFailure("unreachable"));
});

Deno.test("open() aborts a delivery that stalls", async () => {
  const stuck = () =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
    });
  const { bridge, clock } = bridgeWith((url, signal) => {
    if (url.host !== "ik.imagekit.io") return Response.json(FILE);
    signal?.throwIfAborted();
    return new Response(stuck());
  });
  const { stream } = await bridge.open({ name: NAME, id: "1" }, MIB, call());
  await assert.rejects(within(clock, readAll(stream)), isFailure("unreachable"));
});

Deno.test("find() aborts an answer whose body never arrives", async () => {
  const { bridge, clock } = bridgeWith(() =>
    new Response(new ReadableStream(), { headers: { "content-type": "application/json" } })
  );
  await assert.rejects(
    within(clock, bridge.find({ name: NAME, id: "1" }, call())),
    isFailure("unreachable"),
  );
});

Deno.test("find() aborts an answer that does not end", async () => {
  let sent = 0;
  const endless = () =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        sent += MIB;
        if (sent > 300 * MIB) return controller.close();
        controller.enqueue(new Uint8Array(MIB).fill(32));
      },
    });
  const { bridge, clock } = bridgeWith(() =>
    new Response(endless(), { headers: { "content-type": "application/json" } })
  );
  await assert.rejects(
    within(clock, bridge.find({ name: NAME, id: "1" }, call())),
    isFailure("unreachable"),
  );
  assert.ok(sent < 200 * MIB, `${sent} bytes were taken`);
});

for (const answer of ["<html>hello</html>", "{}", "[1]", '{"size":"3"}', "null"]) {
  Deno.test(`find() refuses ${answer} as an answer of ImageKit`, async () => {
    const headers = {
      "content-type": answer.startsWith("<") ? "text/html" : "application/json",
    };
    const { bridge } = bridgeWith(() => new Response(answer, { headers }));
    await assert.rejects(
      bridge.find({ name: NAME, id: "1" }, call()),
      isFailure("refused_by_service"),
    );
    if (answer !== "[1]") {
      await assert.rejects(bridge.list("mcp-", call()), isFailure("refused_by_service"));
    }
  });
}

Deno.test("list() does not follow pages forever", async () => {
  let pages = 0;
  const page = JSON.stringify(Array.from({ length: 1000 }, () => ({})));
  const { bridge } = bridgeWith(() => {
    if (++pages > 300) throw new Error("too many pages");
    return new Response(page, { headers: { "content-type": "application/json" } });
  });
  assert.deepEqual(await bridge.list("mcp-", call()), []);
  assert.ok(pages <= 100);
});

Deno.test("an error quotes only the beginning of a long message of the service", async () => {
  const { bridge } = bridgeWith(() =>
    Response.json({ message: "x".repeat(1_000_000) }, { status: 400 })
  );
  const error = await bridge.find({ name: NAME, id: "1" }, call()).catch((thrown) => thrown);
  assert.ok(error.message.length < 500, String(error.message.length));
});
