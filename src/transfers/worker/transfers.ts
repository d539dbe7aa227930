import { abortable } from "../../async/abortable.ts";
import type { Clock } from "../../async/clock.ts";
import { deadlineSignal } from "../../async/deadline.ts";
import { delay } from "../../async/delay.ts";
import { every } from "../../async/every.ts";
import { ByteReader } from "../../bytes/byte_reader.ts";
import { RemoteExecError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { FilesPort } from "../../ssh/files_port.ts";
import type { Check, CopyProgress, Endpoint } from "../../ssh/port.ts";
import type { Bridge, BridgeCall, OpenedObject } from "./bridge.ts";
import { bridgeNotConfigured } from "../errors.ts";
import type {
  BridgeName,
  DeliverOutcome,
  DeliverRequest,
  ObjectRef,
  StoredObject,
  StoreOutcome,
  StoreRequest,
} from "../port.ts";
import { openSource } from "./open_source.ts";

const SWEEP_EVERY_MS = 3_600_000;
const SWEEP_LIMIT_MS = 600_000;
const FIRST_LOOK_MS = 250;
const MAX_LOOK_MS = 2_000;
const PROGRESS_MS = 250;
/** Pieces that are read ahead from the service while the ssh worker writes. */
const PIECES_AHEAD = 2;

/** What the transfers need. */
export interface TransferParts {
  readonly bridges: readonly Bridge[];
  readonly files: FilesPort;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Moves files between the ssh worker and the storage services. */
export class Transfers {
  readonly #parts: TransferParts;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  /** Returns the driver of a service. @throws RemoteExecError `not_configured` */
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
    const wanted = { from: request.from, label, maxBytes: request.maxBytes };
    const source = await openSource(files, wanted, clock, call.signal);
    try {
      const { object, sha256 } = await bridge.put(request, source, call);
      return { object, bytes: object.size, sha256, durationMs: since(startedAt) };
    } catch (error) {
      // A driver that failed before it read leaves the file open at the ssh worker.
      if (!source.stream.locked) source.stream.cancel(error).catch(() => {});
      throw error;
    }
  }

  async deliver(request: DeliverRequest, call: BridgeCall): Promise<DeliverOutcome> {
    const bridge = this.bridge(request.bridge);
    // Ends the download as soon as the write has ended, with or without success.
    const stop = new AbortController();
    const signal = AbortSignal.any([call.signal, stop.signal]);
    try {
      const opened = await bridge.open(request.ref, request.maxBytes, { ...call, signal });
      return await this.#write(request, opened, call);
    } finally {
      stop.abort(new RemoteExecError("cancelled", "The transfer has ended", "Start it again"));
    }
  }

  /** Looks for an object again with growing pauses, because the service's index may be late. */
  async find(
    bridge: BridgeName,
    ref: ObjectRef,
    waitMs: number,
    call: BridgeCall,
    progress: ((step: { readonly waitedMs: number }) => void) | undefined,
  ): Promise<StoredObject | undefined> {
    const { clock } = this.#parts;
    const startedAt = clock.elapsed();
    for (let delayMs = FIRST_LOOK_MS;; delayMs = Math.min(delayMs * 2, MAX_LOOK_MS)) {
      const found = await this.bridge(bridge).find(ref, call);
      const waitedMs = clock.elapsed() - startedAt;
      if (found !== undefined || waitedMs >= waitMs) return found;
      progress?.({ waitedMs });
      await delay(Math.min(delayMs, waitMs - waitedMs), { clock, signal: call.signal });
    }
  }

  async diagnose(call: BridgeCall): Promise<Check[]> {
    const checks = await Promise.all(this.#parts.bridges.map((bridge) => bridge.diagnose(call)));
    return checks.flat();
  }

  /** Sweeps all services now and every hour; returns a function that stops it. */
  startSweeping(): () => void {
    const { clock, bridges } = this.#parts;
    const stop = new AbortController();
    const sweepAll = () => {
      for (const bridge of bridges) this.#sweep(bridge, stop.signal);
    };
    sweepAll();
    const stopSweeping = every(clock, SWEEP_EVERY_MS, sweepAll);
    return () => {
      stopSweeping();
      stop.abort(
        new RemoteExecError("cancelled", "The server is shutting down", "Start the server again"),
      );
    };
  }

  async #sweep(bridge: Bridge, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts;
    const late = () => new Error("the sweep took too long");
    using limit = deadlineSignal(SWEEP_LIMIT_MS, { clock, signal, late });
    try {
      const removed = await bridge.sweep({ signal: limit.signal, progress: undefined });
      if (removed > 0) logger.info(`${bridge.name}: ${removed} expired transfers removed`);
    } catch (error) {
      if (!signal.aborted) {
        logger.warn(`${bridge.name}: expired transfers could not be removed`, error);
      }
    }
  }

  async #write(
    request: DeliverRequest,
    { object, sha256, selfProving, stream }: OpenedObject,
    { signal, progress }: BridgeCall,
  ): Promise<DeliverOutcome> {
    const { files } = this.#parts;
    const { to, overwrite, maxBytes, mode } = request;
    const writing = files.write(
      {
        to,
        overwrite,
        maxBytes,
        size: object.size,
        ...(mode === undefined ? {} : { mode }),
        ...(sha256 === undefined ? {} : { sha256 }),
      },
      gathered(stream, object.size, progress),
      signal,
    );
    try {
      const outcome = await abortable(writing, signal);
      return { ...outcome, object, contentProven: sha256 !== undefined || selfProving };
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  }
}

/** Returns the same bytes in large pieces, and reports progress. */
function gathered(
  stream: ReadableStream<Uint8Array>,
  total: number,
  progress: ((step: CopyProgress) => void) | undefined,
): ReadableStream<Uint8Array> {
  const reader = new ByteReader(stream);
  let reportedAt = performance.now();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = await reader.gather();
      const { position: bytes } = reader;
      if (piece === undefined) {
        progress?.({ bytes, total });
        return controller.close();
      }
      if (progress !== undefined && since(reportedAt) >= PROGRESS_MS) {
        reportedAt = performance.now();
        progress({ bytes, total });
      }
      controller.enqueue(piece);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: PIECES_AHEAD });
}

const labelOf = (end: Endpoint): string =>
  end.kind === "shell" ? `${end.path} in ${end.label}` : end.path;

const since = (startedAt: number): number => Math.round(performance.now() - startedAt);
