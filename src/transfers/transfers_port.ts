import type { Clock } from "../clock.ts";
import { cancelled, internalError } from "../errors.ts";
import type { CallId, CopyProgress } from "../ssh/port.ts";
import type { BridgeCall } from "./bridge.ts";
import type { TransfersPort, TransfersSettings } from "./port.ts";
import type { Transfers } from "./transfers.ts";

/** The functions of the worker, with cancellation by call id. @param start makes what does the work, once it is configured */
export function createTransfersPort(
  start: (settings: TransfersSettings, files: MessagePort) => Transfers,
  clock: Clock,
): TransfersPort {
  let transfers: Transfers | undefined;
  let stopSweeping = () => {};
  const running = new Map<CallId, { stop: AbortController; done: Promise<unknown> }>();

  const configured = (): Transfers => {
    if (transfers !== undefined) return transfers;
    throw internalError("the worker was called before it was configured");
  };

  const call = async <T>(
    id: CallId,
    progress: ((step: CopyProgress) => void) | undefined,
    run: (work: Transfers, call: BridgeCall) => Promise<T>,
  ): Promise<T> => {
    const stop = new AbortController();
    const done = run(configured(), { signal: stop.signal, progress });
    running.set(id, { stop, done });
    try {
      return await done;
    } finally {
      running.delete(id);
    }
  };

  return {
    configure(settings, files) {
      transfers = start(settings, files);
      stopSweeping = transfers.startSweeping();
      return Promise.resolve();
    },
    store: (id, request, progress) => call(id, progress, (work, c) => work.store(request, c)),
    deliver: (id, request, progress) => call(id, progress, (work, c) => work.deliver(request, c)),
    find: (id, bridge, ref, waitMs, progress) =>
      call(id, undefined, (work, c) => work.find(bridge, ref, waitMs, c, progress)),
    list: (id, bridge, prefix, progress) =>
      call(id, undefined, (work, c) => work.bridge(bridge).list(prefix, c, progress)),
    remove: (id, bridge, ref) =>
      call(id, undefined, (work, c) => work.bridge(bridge).remove(ref, c)),
    uploadTicket: async ({ bridge, ...request }) =>
      await configured().bridge(bridge).uploadTicket(request),
    downloadUrl: async (bridge, ref, expiresAtMs) =>
      await configured().bridge(bridge).downloadUrl(ref, expiresAtMs),
    cancel(id) {
      running.get(id)?.stop.abort(cancelled());
      return Promise.resolve();
    },
    diagnose: () =>
      configured().diagnose({ signal: new AbortController().signal, progress: undefined }),
    async close(limitMs) {
      stopSweeping();
      for (const { stop } of running.values()) stop.abort(cancelled());
      const over = Promise.withResolvers<void>();
      const takeBack = clock.after(limitMs, over.resolve);
      const ends = [...running.values()].map(({ done }) => done);
      await Promise.race([Promise.allSettled(ends), over.promise]);
      takeBack();
    },
  };
}
