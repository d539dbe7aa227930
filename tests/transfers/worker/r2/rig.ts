import type { R2Config } from "../../../../src/config/config.ts";
import { R2Bridge, type R2Options } from "../../../../src/transfers/worker/r2/r2_bridge.ts";
import { type S3Peer, startS3 } from "../../../peers/s3.ts";
import { BUCKET, skippingClock, toolsWith } from "./fixture.ts";
import type { FakeClock } from "../../../support/fake_clock.ts";

/** The driver with a real S3 server and an empty bucket. */
export interface R2Rig extends AsyncDisposable {
  readonly s3: S3Peer;
  readonly config: R2Config;
  readonly clock: FakeClock;
  readonly bridge: R2Bridge;
  /** The bucket's URL without a final slash. */
  readonly bucketUrl: string;
}

/** Starts a server. @param fetcher replaces the runtime's fetch, to cut or alter responses */
export async function startR2(
  options: R2Options = {},
  fetcher: typeof fetch = fetch,
): Promise<R2Rig> {
  const s3 = await startS3();
  const rig = await freshRig(s3, BUCKET, options, fetcher);
  return { ...rig, [Symbol.asyncDispose]: () => s3.close() };
}

/** Returns a driver with its own bucket on a running server. */
export async function freshRig(
  s3: S3Peer,
  bucket: string,
  options: R2Options = {},
  fetcher: typeof fetch = fetch,
): Promise<Omit<R2Rig, typeof Symbol.asyncDispose>> {
  const bucketUrl = await s3.createBucket(bucket);
  const config: R2Config = {
    accessKey: s3.accessKey,
    secretKey: s3.secretKey,
    bucket,
    region: s3.region,
    endpoint: s3.endpoint,
    clientId: "server",
    maxFileBytes: 3_000_000_000,
  };
  const clock = skippingClock();
  const bridge = new R2Bridge(config, toolsWith(clock, fetcher), options);
  return { s3, config, clock, bridge, bucketUrl };
}
