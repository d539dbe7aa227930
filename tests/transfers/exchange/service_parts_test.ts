import assert from "node:assert/strict";
import { cancelled } from "../../../src/errors.ts";
import { isFailure, sha256 } from "../../contracts/bridge.ts";
import { peerTest, SWIFT } from "../../peers/require.ts";
import { xmlElements } from "../../../src/transfers/worker/r2/s3_xml.ts";
import { type ExchangeStage, startStage } from "./exchange_stage.ts";

const MIB = 1024 * 1024;

const idOf = ({ transfer_id, source_client }: Record<string, unknown>) => ({
  transfer_id,
  source_client,
});

peerTest({
  peer: SWIFT,
  name: "exchange_upload sends a large file in parts and verifies all of it",
  async fn() {
    await using stage = await startStage({ partBytes: 5 * MIB });
    const { call, files, progress } = stage;
    const bytes = new Uint8Array(13 * MIB + 7);
    for (let at = 0; at < bytes.length; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    }
    files.add("host:/big", bytes);
    const uploaded = await call("exchange_upload", { remote_path: "/big" });
    assert.equal(uploaded.sha256, await sha256(bytes));
    assert.deepEqual(progress.map(({ progress }) => progress), [
      5 * MIB,
      10 * MIB,
      13 * MIB + 7,
    ]);
    const transfers = (await call("exchange_list", {})).transfers as { etag: string }[];
    assert.match(String(transfers[0]?.etag), /^[0-9a-f]{32}-3$/);
    // The hash is an object of its own, which no list shows.
    assert.equal(transfers.length, 1);
    const shared = await call("exchange_share", idOf(uploaded));
    assert.equal(shared.sha256, uploaded.sha256);
    for (const source of [idOf(uploaded), { download_url: shared.download_url }]) {
      const saved = await call("exchange_download", {
        ...source,
        local_path: "big",
        overwrite: true,
      });
      assert.equal(saved.verified, "content");
      assert.deepEqual(files.files.get("local:big"), bytes);
    }
    assert.deepEqual(files.asked.filter((asked) => asked.endsWith("host:/big")), [
      "read host:/big",
      "sha256 host:/big",
    ]);
    assert.equal((await keysIn(stage)).length, 2);
    await call("exchange_delete", idOf(uploaded));
    assert.deepEqual(await keysIn(stage), []);
  },
});

async function keysIn({ rig }: ExchangeStage): Promise<string[]> {
  const answer = await rig.s3.client.fetch(`${rig.bucketUrl}?list-type=2`);
  return xmlElements(await answer.text(), "Key");
}

peerTest({
  peer: SWIFT,
  name: "a cancelled upload in parts leaves no parts behind",
  async fn() {
    const stop = new AbortController();
    const cancelling: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init);
      if (String(input).includes("partNumber=2")) stop.abort(cancelled());
      return answer;
    };
    await using stage = await startStage({ partBytes: 5 * MIB, fetcher: cancelling });
    const { call, files, rig } = stage;
    files.add("host:/big", new Uint8Array(40 * MIB));
    const upload = call("exchange_upload", { remote_path: "/big" }, stop.signal);
    await assert.rejects(upload, isFailure("cancelled"));
    const unfinished = await rig.s3.client.fetch(`${rig.bucketUrl}?uploads`);
    assert.doesNotMatch(await unfinished.text(), /<Upload>/);
    assert.deepEqual(await keysIn(stage), []);
  },
});

peerTest({
  peer: SWIFT,
  name: "exchange_download resumes after the connection was cut twice",
  async fn() {
    const ranges: (string | null)[] = [];
    const cutting: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init);
      if (init?.method !== "GET" || String(input).includes("list-type")) return answer;
      if (String(input).includes("uploads")) return answer;
      ranges.push(new Headers(init.headers).get("range"));
      return ranges.length > 2 ? answer : new Response(cut(answer.body, MIB), answer);
    };
    await using stage = await startStage({ partBytes: 5 * MIB, fetcher: cutting });
    const bytes = new Uint8Array(7 * MIB).map((_, index) => index % 251);
    stage.files.add("local:big", bytes);
    const id = idOf(await stage.call("exchange_upload", { local_path: "big" }));
    await stage.call("exchange_download", { ...id, remote_path: "/big" });
    assert.deepEqual(stage.files.files.get("host:/big"), bytes);
    assert.equal(ranges.length, 3);
    assert.ok(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? "")));
  },
});

/** Returns the first bytes of a body; then the connection breaks. */
function cut(body: ReadableStream<Uint8Array> | null, bytes: number): ReadableStream<Uint8Array> {
  let rest = bytes;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk.subarray(0, rest));
      rest -= chunk.length;
      if (rest <= 0) controller.error(new TypeError("connection reset"));
    },
  });
  return (body ?? new Blob([]).stream()).pipeThrough(limit);
}
