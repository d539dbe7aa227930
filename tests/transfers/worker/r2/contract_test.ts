import type { R2Config } from "../../../../src/config/config.ts";
import { R2Bridge } from "../../../../src/transfers/worker/r2/r2_bridge.ts";
import {
  bridgeContract,
  type BridgeUnderTest,
  call,
  sourceOf,
  text,
} from "../../../contracts/bridge.ts";
import { SWIFT } from "../../../peers/require.ts";
import { type S3Peer, startS3 } from "../../../peers/s3.ts";
import { freshRig } from "./rig.ts";
import { nameFor, skippingClock, toolsWith } from "./fixture.ts";

const TWO_DAYS_MS = 48 * 3_600_000;
const FOREIGN = ["elsewhere/a", "transfers/README", "transfers/x/not-ours"];

bridgeContract({
  subject: "R2Bridge",
  peer: SWIFT,
  metadata: { source_client: "server", filename: "Ärger & Söhne (1) '50%'.txt", note: "a  b " },
  async start() {
    const s3 = await startS3();
    let bucket = 0;
    return {
      fresh: () => fresh(s3, `bucket-${++bucket}`),
      [Symbol.asyncDispose]: () => s3.close(),
    };
  },
});

async function fresh(s3: S3Peer, bucket: string): Promise<BridgeUnderTest> {
  const { bridge, config, bucketUrl } = await freshRig(s3, bucket);
  const aged = [...FOREIGN];
  // Swift sets the time of storing, so the sweep gets listings with earlier times.
  const later = new R2Bridge(config, toolsWith(skippingClock(), ageing(config, aged)));
  bridge.sweep = (context) => later.sweep(context);
  const urls = FOREIGN.map((key) => `${bucketUrl}/${key}`);
  return {
    bridge,
    newName: nameFor,
    async addForeign() {
      for (const url of urls) {
        const answer = await s3.client.fetch(url, { method: "PUT", body: "foreign" });
        await answer.body?.cancel();
      }
      return async () => {
        const answers = await Promise.all(urls.map((url) => s3.client.fetch(url)));
        const bodies = await Promise.all(answers.map((answer) => answer.text()));
        return bodies.every((body) => body === "foreign");
      };
    },
    async addExpired(name) {
      aged.push(name);
      await bridge.put({ name, metadata: {} }, sourceOf(text("over")), call());
    },
  };
}

/** Returns a fetch whose listings say that these keys were stored more than two days ago. */
function ageing({ bucket }: R2Config, aged: readonly string[]): typeof fetch {
  const past = new Date(Date.now() - TWO_DAYS_MS - 60_000).toISOString();
  return async (input, init) => {
    const answer = await fetch(input, init);
    if (!String(input).includes(`/${bucket}?list-type=2`)) return answer;
    const xml = (await answer.text()).replace(
      /<Contents>[\s\S]*?<\/Contents>/g,
      (entry) =>
        aged.some((name) => entry.includes(name))
          ? entry.replace(/(<LastModified>)[^<]*/, `$1${past}`)
          : entry,
    );
    return new Response(xml, { status: answer.status, headers: answer.headers });
  };
}
