import { abortable } from "../../async/abortable.ts";
import type { Clock } from "../../async/clock.ts";
import { RemoteExecError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { FilesPort } from "../../ssh/files_port.ts";
import type { Check, CopyProgress, Endpoint } from "../../ssh/port.ts";
import type { Bridge, BridgeCall, OpenedObject, PutSource } from "./bridge.ts";
import { bridgeNotConfigured, readFailed } from "../errors.ts";
import { GatheredReader } from "./gathered.ts";
import type {
  BridgeName,
  DeliverOutcome,
  DeliverRequest,
  ObjectRef,
  StoredObject,
  StoreOutcome,
  StoreRequest,
} from "../port.ts";
import { openPatiently } from "./patient_source.ts";
import { pause } from "./wait.ts";

const SWEEP_EVERY_MS = 3_600_000;
const SWEEP_LIMIT_MS = 600_000;
const FIRST_LOOK_MS = 250;
const LONGEST_LOOK_MS = 2_000;
const PROGRESS_MS = 250;
/** Read from a bridge while the far side writes. */
const PIECES_AHEAD = 2;

/** Where the bytes come from and go to, and what carries them. */
export interface TransferParts {
  readonly bridges: readonly Bridge[];
  readonly files: FilesPort;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Moves files between the ssh worker's ends and the bridges: what the transfers worker does, once configured. */
export class Transfers {
  readonly #parts: TransferParts;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  /** @throws RemoteExecError `not_configured` */
  bridge(name: BridgeName): Bridge {
    const bridge = this.#parts.bridges.find((each) => each.name === name);
    if (bridge === undefined) throw bridgeNotConfigured(name);
    return bridge;
  }

  async store(request: StoreRequest, call: BridgeCall): Promise<StoreOutcome> {
    const startedAt = performance.now();
    const { files, clock } = this.#parts;
    const bridge = this.bridge(request.bridge);
    const label = labelOf(request.from);
    const opened = await openPatiently(files, request.from, label, clock, call.signal);
    const source: PutSource = { ...opened, label, maxBytes: request.maxBytes };
    try {
      const { object, sha256 } = await bridge.put(request, source, call);
      return { object, bytes: object.size, sha256, durationMs: since(startedAt) };
    } catch (error) {
      // A driver that failed before it read leaves the file open at the other end.
      if (!opened.stream.locked) opened.stream.cancel(error).catch(() => {});
      throw error;
    }
  }

  async deliver(request: DeliverRequest, call: BridgeCall): Promise<DeliverOutcome> {
    const bridge = this.bridge(request.bridge);
    // Ends the bridge's side whenever the file's side is done with it, for better or worse.
    const stop = new AbortController();
    const signal = AbortSignal.any([call.signal, stop.signal]);
    try {
      const opened = await bridge.open(request.ref, request.maxBytes, { ...call, signal });
      return await this.#write(request, opened, call);
    } finally {
      stop.abort(new RemoteExecError("cancelled", "The transfer is over", "Call the tool again"));
    }
  }

  /** Looks again with growing pauses, because an index may lag behind the store. */
  async find(
    bridge: BridgeName,
    ref: ObjectRef,
    waitMs: number,
    call: BridgeCall,
    progress: ((step: { readonly waitedMs: number }) => void) | undefined,
  ): Promise<StoredObject | undefined> {
    const { clock } = this.#parts;
    const startedAt = clock.now();
    for (let delayMs = FIRST_LOOK_MS;; delayMs = Math.min(delayMs * 2, LONGEST_LOOK_MS)) {
      const found = await this.bridge(bridge).find(ref, call);
      const waitedMs = clock.now() - startedAt;
      if (found !== undefined || waitedMs >= waitMs) return found;
      progress?.({ waitedMs });
      await pause(clock, Math.min(delayMs, waitMs - waitedMs), call.signal);
    }
  }

  async diagnose(call: BridgeCall): Promise<Check[]> {
    const checks = await Promise.all(this.#parts.bridges.map((bridge) => bridge.diagnose(call)));
    return checks.flat();
  }

  /** Sweeps all bridges now and every hour; gives a function that ends it. */
  startSweeping(): () => void {
    const { clock, bridges } = this.#parts;
    const stop = new AbortController();
    let takeBack = () => {};
    const round = () => {
      takeBack = clock.after(SWEEP_EVERY_MS, round);
      for (const bridge of bridges) this.#sweep(bridge, stop.signal);
    };
    round();
    return () => {
      takeBack();
      stop.abort(new RemoteExecError("cancelled", "The server ends", "Start it again"));
    };
  }

  async #sweep(bridge: Bridge, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts;
    const late = new AbortController();
    const takeBack = clock.after(SWEEP_LIMIT_MS, () => late.abort(new Error("it took too long")));
    try {
      const both = AbortSignal.any([signal, late.signal]);
      const removed = await bridge.sweep({ signal: both, progress: undefined });
      if (removed > 0) logger.info(`${bridge.name}: ${removed} transfers removed that were over`);
    } catch (error) {
      if (!signal.aborted) logger.warn(`${bridge.name}: old transfers could not be removed`, error);
    } finally {
      takeBack();
    }
  }

  async #write(
    request: DeliverRequest,
    { object, sha256, selfProving, stream }: OpenedObject,
    { signal, progress }: BridgeCall,
  ): Promise<DeliverOutcome> {
    const { files } = this.#parts;
    const watched = watch(stream, object.size, progress);
    try {
      const { to, overwrite, maxBytes, mode } = request;
      const outcome = await abortable(
        files.write(
          {
            to,
            overwrite,
            maxBytes,
            size: object.size,
            ...(mode === undefined ? {} : { mode }),
            ...(sha256 === undefined ? {} : { sha256 }),
          },
          watched.stream,
          signal,
        ),
        signal,
      );
      return { ...outcome, object, contentProven: sha256 !== undefined || selfProving };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      // Of the two errors, the one of the failed download says why.
      throw watched.failure() ?? error;
    }
  }
}

/** The stream in large pieces, with progress, and the error that it ended in. */
function watch(
  stream: ReadableStream<Uint8Array>,
  total: number,
  progress: ((step: CopyProgress) => void) | undefined,
) {
  const reader = new GatheredReader(stream);
  let failure: RemoteExecError | undefined;
  let bytes = 0;
  let reportedAt = performance.now();
  /** The other side wants no more, and has told why in its own answer. */
  let isRefused = false;
  const watched = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const piece = await reader.next();
        if (isRefused) return;
        if (piece === undefined) {
          progress?.({ bytes, total });
          return controller.close();
        }
        bytes += piece.length;
        if (progress !== undefined && since(reportedAt) >= PROGRESS_MS) {
          reportedAt = performance.now();
          progress({ bytes, total });
        }
        controller.enqueue(piece);
      } catch (error) {
        if (isRefused) return;
        failure = error instanceof RemoteExecError
          ? error
          : readFailed("the bridge's object", String(error));
        throw failure;
      }
    },
    async cancel(reason) {
      isRefused = true;
      await reader.cancel(reason);
    },
  }, { highWaterMark: PIECES_AHEAD });
  return { stream: watched, failure: () => failure };
}

const labelOf = (end: Endpoint): string =>
  end.kind === "shell" ? `${end.path} in ${end.label}` : end.path;

const since = (startedAt: number): number => Math.round(performance.now() - startedAt);
