/** What a hostile or broken S3 service, or a hostile file, may try. */
import assert from "node:assert/strict";
import { RemoteExecError } from "../../../../src/errors.ts";
import { R2Bridge } from "../../../../src/transfers/worker/r2/r2_bridge.ts";
import { unescapeXml, xmlElements } from "../../../../src/transfers/worker/r2/s3_xml.ts";
import { call, isFailure, readAll, sourceOf, text } from "../../../contracts/bridge.ts";
import { brokenBody, FetchStandIn, objectReply, type Reply } from "../../fetch_stand_in.ts";
import { nameFor, R2_CONFIG, skippingClock, toolsWith } from "./fixture.ts";

const MIB = 1024 * 1024;
const NAME = nameFor("data.bin");

const bridgeOver = (fetcher: typeof fetch) =>
  new R2Bridge(R2_CONFIG, toolsWith(skippingClock(), fetcher), { partBytes: 5 * MIB });

const bridgeWith = (...replies: Reply[]) => bridgeOver(new FetchStandIn(...replies).fetch);

/** Returns a body without an end; `sent` counts the bytes that were read. */
function endless() {
  const piece = new Uint8Array(MIB);
  const state = { sent: 0, cancelled: false };
  const body = () =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        // A reader that takes this much would take everything: the test ends.
        if (state.sent > 100 * MIB) return controller.close();
        state.sent += piece.length;
        controller.enqueue(piece);
      },
      cancel() {
        state.cancelled = true;
      },
    });
  return { state, body };
}

const page = (...lines: string[]) => `<ListBucketResult>${lines.join("")}</ListBucketResult>`;

Deno.test("list() aborts an answer that does not end", async () => {
  const { state, body } = endless();
  const bridge = bridgeWith(...Array.from({ length: 5 }, () => () => new Response(body())));
  await assert.rejects(bridge.list("", call()), isFailure("unreachable"));
  assert.ok(state.sent <= 100 * MIB, `${state.sent} bytes were taken`);
  assert.equal(state.cancelled, true);
});

Deno.test("find() aborts a refusal that does not end", async () => {
  const { state, body } = endless();
  const reply = () => new Response(body(), { status: 400 });
  await assert.rejects(
    bridgeWith(...Array.from({ length: 5 }, () => reply)).find({ name: NAME }, call()),
    isFailure("unreachable"),
  );
  assert.ok(state.sent <= 20 * MIB, `${state.sent} bytes were taken`);
});

for (
  const [what, token] of [
    ["the same token repeatedly", "<NextContinuationToken>t</NextContinuationToken>"],
    ["an empty token", "<NextContinuationToken></NextContinuationToken>"],
    ["no token", ""],
  ] as const
) {
  Deno.test(`list() does not follow pages forever: ${what}`, async () => {
    let pages = 0;
    const bridge = bridgeOver(() => {
      if (++pages > 20) throw new Error("too many pages");
      return Promise.resolve(new Response(page("<IsTruncated>true</IsTruncated>", token)));
    });
    await assert.rejects(bridge.list("", call()), isFailure("refused_by_service"));
    assert.ok(pages <= 3);
  });
}

Deno.test("xmlElements() needs linear time", () => {
  const startedAt = performance.now();
  assert.deepEqual(xmlElements("<Contents>".repeat(100_000), "Contents"), []);
  assert.deepEqual(xmlElements("<Contents ".repeat(100_000), "Contents"), []);
  // In quadratic time it would be minutes.
  assert.ok(performance.now() - startedAt < 20_000);
});

Deno.test("xmlElements() finds consecutive elements, also those with attributes", () => {
  const xml = `<A><B x="1">one</B><Bs>no</Bs><B>t&amp;wo</B><B>open`;
  assert.deepEqual(xmlElements(xml, "B"), ["one", "t&amp;wo"]);
});

Deno.test("unescapeXml() keeps a number that is not a character", () => {
  assert.equal(unescapeXml("&#x110000;&#99999999;&#x41;&lt;"), "&#x110000;&#99999999;A<");
});

Deno.test("open() does not resume endlessly at a service that sends one byte per connection", async () => {
  let asked = 0;
  const size = 10_000;
  const bridge = bridgeOver(() => {
    if (++asked > 1_000) throw new Error("too many connections");
    const status = asked === 1 ? 200 : 206;
    const reply = objectReply(size, brokenBody(new Uint8Array(1)), {}, status)();
    return Promise.resolve(reply as Response); // it is never a promise or an error
  });
  const { stream } = await bridge.open({ name: NAME }, size, call());
  await assert.rejects(readAll(stream), isFailure("connection_lost"));
  assert.ok(asked < 20);
});

Deno.test("put() removes what may have been stored when the answer is lost", async () => {
  const stored = new Set<string>();
  const bridge = bridgeOver((input, init) => {
    const key = String(input);
    if (init?.method === "PUT") {
      stored.add(key);
      return Promise.reject(new TypeError("connection reset"));
    }
    assert.equal(init?.method, "DELETE");
    stored.delete(key);
    return Promise.resolve(new Response(null, { status: 204 }));
  });
  const source = { ...sourceOf(text("secret")), maxBytes: MIB };
  await assert.rejects(
    bridge.put({ name: NAME, metadata: {} }, source, call()),
    isFailure("unreachable"),
  );
  assert.deepEqual([...stored], []);
});

/** Waits some turns of the event loop, so that everything that is due has run. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
}

for (const size of [0, 12 * MIB]) {
  const what = size === 0 ? "an unknown size" : "a known size";
  Deno.test(`put() fails when a part fails while it waits for the next bytes: ${what}`, async () => {
    const refused = Promise.withResolvers<void>();
    let completed = false;
    const bridge = bridgeOver((input, init) => {
      const url = new URL(String(input));
      const part = url.searchParams.get("partNumber");
      if (part === "2") {
        refused.resolve();
        return Promise.resolve(
          new Response("<Error><Code>InvalidPart</Code></Error>", { status: 400 }),
        );
      }
      if (part !== null) return Promise.resolve(new Response("", { headers: { etag: '"e"' } }));
      if (url.searchParams.has("uploads")) {
        return Promise.resolve(new Response("<UploadId>1</UploadId>"));
      }
      completed ||= init?.method === "POST";
      const length = { "content-length": String(7 * MIB), etag: '"e"' };
      return Promise.resolve(new Response(null, { headers: length }));
    });
    const stream = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(new Uint8Array(10 * MIB));
        await refused.promise;
        await turns(20);
        controller.enqueue(new Uint8Array(2 * MIB));
        controller.close();
      },
    });
    const sha256 = () => Promise.resolve("0".repeat(64));
    const source = { label: "f", size, maxBytes: 100 * MIB, stream, sha256 };
    await assert.rejects(
      bridge.put({ name: NAME, metadata: {} }, source, call()),
      isFailure("refused_by_service"),
    );
    assert.equal(completed, false);
  });
}

for (const code of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
  Deno.test(`a refusal with the code ${code} is a refusal like others`, async () => {
    const xml = `<Error><Code>${code}</Code><Message>no</Message></Error>`;
    const bridge = bridgeWith(() => new Response(xml, { status: 400 }));
    await assert.rejects(bridge.list("", call()), (error: unknown) => {
      assert.ok(error instanceof RemoteExecError, String(error));
      assert.deepEqual(
        [error.code, error.message],
        ["refused_by_service", `Cannot list the transfers: HTTP 400 ${code} no`],
      );
      return true;
    });
  });
}

Deno.test("unescapeXml() knows no entity but those of XML", () => {
  assert.equal(unescapeXml("&constructor;&valueOf;&toString;"), "&constructor;&valueOf;&toString;");
});
