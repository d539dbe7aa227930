import type { Clock } from "../../../../src/async/clock.ts";
import { createLogger, type Logger } from "../../../../src/log.ts";
import type { R2Config } from "../../../../src/config/config.ts";
import type { BridgeTools } from "../../../../src/transfers/worker/bridge.ts";
import { newTransferId, objectName } from "../../../../src/transfers/exchange/names.ts";
import { R2Bridge, type R2Options } from "../../../../src/transfers/worker/r2/bridge.ts";
import { type S3Peer, startS3 } from "../../../peers/s3.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

export const BUCKET = "exchange";

/** The driver in front of a real S3 server with an empty bucket. */
export interface R2Rig extends AsyncDisposable {
  readonly s3: S3Peer;
  readonly config: R2Config;
  readonly clock: FakeClock;
  readonly bridge: R2Bridge;
  /** The bucket's address, without a slash at its end. */
  readonly bucketUrl: string;
}

/** @param fetcher in place of the runtime's, to cut or alter what passes */
export async function startR2(
  options: R2Options = {},
  fetcher: typeof fetch = fetch,
): Promise<R2Rig> {
  const s3 = await startS3();
  const rig = await freshRig(s3, BUCKET, options, fetcher);
  return { ...rig, [Symbol.asyncDispose]: () => s3.close() };
}

/** A driver with a bucket of its own on a server that runs already. */
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

/** A service that does not exist; nothing can be asked of it but through a stand-in for fetch. */
export const R2_CONFIG: R2Config = {
  accessKey: "AKIDEXAMPLE",
  secretKey: "not-so-secret-key",
  bucket: BUCKET,
  region: "auto",
  endpoint: "https://account.r2.cloudflarestorage.com",
  clientId: "server",
  maxFileBytes: 1_000_000,
};

export const silent: Logger = createLogger("error", [], () => {});

export const toolsWith = (clock: Clock, fetcher: typeof fetch): BridgeTools => ({
  fetch: fetcher,
  clock,
  logger: silent,
});

/** The present time, because a real service compares it with its own. Pauses are skipped, time limits never come. */
export const skippingClock = (): FakeClock =>
  new FakeClock({ nowMs: Date.now(), skipUpToMs: 4_900 });

/** A fresh name for a file of the client "server". */
export const nameFor = (filename: string): string =>
  objectName("server", newTransferId("server", filename, Date.now()));
