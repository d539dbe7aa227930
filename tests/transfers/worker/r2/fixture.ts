import type { Clock } from "../../../../src/async/clock.ts";
import type { R2Config } from "../../../../src/config/config.ts";
import { createLogger, type Logger } from "../../../../src/log.ts";
import { newTransferId, objectName } from "../../../../src/transfers/exchange/transfer_names.ts";
import type { BridgeTools } from "../../../../src/transfers/worker/bridge.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

export const BUCKET = "exchange";

/** A service that does not exist: requests need a stand-in for fetch. */
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

/** Returns a clock with the real time, which a real service compares with its own. It skips pauses, and time limits never end. */
export const skippingClock = (): FakeClock =>
  new FakeClock({ nowMs: Date.now(), skipUpToMs: 4_900 });

/** Returns a new name for a file of the client "server". */
export const nameFor = (filename: string): string =>
  objectName("server", newTransferId("server", filename, Date.now()));
