import type { Clock } from "../../async/clock.ts";
import { valueWithin } from "../../async/deadline.ts";
import { internalError } from "../../errors.ts";
import type { BridgeName, TransfersPort, TransfersSettings } from "../port.ts";
import type { Transfers } from "./transfers.ts";
import type { Bridge, BridgeTools } from "./bridge.ts";
import { ImageKitBridge } from "./imagekit/imagekit_bridge.ts";
import { R2Bridge } from "./r2/r2_bridge.ts";

/**
 * Returns the functions of the worker.
 *
 * @param start called with the settings; returns what does the work
 * @param cancelAll aborts the signals of all running calls
 */
export function createTransfersPort(
  start: (settings: TransfersSettings, files: MessagePort | undefined) => Transfers,
  clock: Clock,
  cancelAll: () => void,
): TransfersPort {
  let transfers: Transfers | undefined;
  let stopSweeping = () => {};
  const running = new Set<Promise<unknown>>();

  const configured = (): Transfers => {
    if (transfers !== undefined) return transfers;
    throw internalError("the worker was called before it was configured");
  };

  const call = async <T>(run: (work: Transfers) => Promise<T>): Promise<T> => {
    const done = run(configured());
    running.add(done);
    return await done.finally(() => running.delete(done));
  };

  return {
    configure(settings, files) {
      transfers = start(settings, files);
      if (settings.sweeps) stopSweeping = transfers.startSweeping();
      return Promise.resolve();
    },
    store: (request, signal, progress) => call((work) => work.store(request, { signal, progress })),
    deliver: (request, signal, progress) =>
      call((work) => work.deliver(request, { signal, progress })),
    find: (bridge, ref, waitMs, signal, progress) =>
      call((work) => work.find(bridge, ref, waitMs, { signal, progress: undefined }, progress)),
    list: (bridge, prefix, signal, progress) =>
      call((work) => work.bridge(bridge).list(prefix, { signal, progress: undefined }, progress)),
    remove: (bridge, ref, signal) =>
      call((work) => work.bridge(bridge).remove(ref, { signal, progress: undefined })),
    uploadTicket: async ({ bridge, ...request }) =>
      await configured().bridge(bridge).uploadTicket(request),
    downloadUrl: async (bridge, ref, expiresAtMs) =>
      await configured().bridge(bridge).downloadUrl(ref, expiresAtMs),
    clockAheadMs: (bridge) => Promise.resolve(configured().bridge(bridge).clockAheadMs()),
    diagnose: () =>
      configured().diagnose({ signal: new AbortController().signal, progress: undefined }),
    async close(limitMs) {
      stopSweeping();
      cancelAll();
      await valueWithin(Promise.allSettled(running), limitMs, clock);
    },
  };
}

type Services = Pick<TransfersSettings, "imageKit" | "r2">;

/** One row per driver; it returns undefined when its service is not configured. */
const DRIVERS: {
  readonly [Name in BridgeName]: (
    settings: Services,
    tools: BridgeTools,
  ) => Bridge | undefined;
} = {
  imagekit: ({ imageKit }, tools) => imageKit && new ImageKitBridge(imageKit, tools),
  r2: ({ r2 }, tools) => r2 && new R2Bridge(r2, tools),
};

/** Returns a driver for each configured service. */
export const createBridges = (settings: Services, tools: BridgeTools): Bridge[] =>
  Object.values(DRIVERS).map((create) => create(settings, tools))
    .filter((bridge) => bridge !== undefined);
