import { abortable } from "../../../async/abortable.ts";
import { cancelling } from "../../../async/cancelling.ts";
import { RemoteExecError } from "../../../errors.ts";
import { valueWithin } from "../../../async/deadline.ts";
import { type StallLimit, stallLimit } from "../../../async/stall_limit.ts";
import { tooLarge, verificationFailed } from "../../errors.ts";
import { sha256, type Sink, type Source } from "./source_sink.ts";
import type { CopyProgress, Verification } from "../../port.ts";

const PROGRESS_MS = 250;
/** Max time for removing an incomplete file; after that the guard on the host removes it. */
const DISCARD_MS = 5_000;
/** Bytes per second at which a slow disk is read for a hash. */
const MIN_HASH_SPEED = 10_000_000;
/** Hashing larger files is aborted after 600 seconds, so there is no need to wait longer. */
const MAX_HASH_BYTES = 600 * MIN_HASH_SPEED;

const hashLimitMs = (bytes: number): number =>
  Math.floor(Math.min(bytes, MAX_HASH_BYTES) / MIN_HASH_SPEED) * 1000;

/** The limits, the cancellation signal and the progress callback of a copy. */
export interface CopyLimits {
  readonly maxBytes: number;
  /** A transfer that moves no byte for this long is aborted. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
  readonly progress: ((step: CopyProgress) => void) | undefined;
  /** Expected hash of the content, if it is known. */
  readonly sha256: string | undefined;
}

/** What was copied and how it was verified. */
export interface Copied {
  readonly bytes: number;
  readonly sha256: string;
  readonly verified: Verification;
}

/**
 * Copies a source to a sink and hashes the content on the way. The sink renames the file to its name only if
 * size and sha256 match. Always closes the source; on failure it discards what was stored.
 *
 * @throws RemoteExecError `too_large`, `changed`, `verification_failed`, `cancelled`, `timeout`, or an
 *   error of the source or sink
 */
export async function copy(
  source: Source,
  openSink: () => Promise<Sink>,
  limits: CopyLimits,
): Promise<Copied> {
  using stall = stallLimit(limits.stallMs, { signal: cancelling(limits.signal), late: stalled });
  let sink: Sink | undefined;
  try {
    sink = await abortable(openSink(), stall.signal, (late) => late.discard());
    const remoteHash = source.size === undefined ? undefined : source.remoteSha256?.(source.size);
    remoteHash?.catch(() => {}); // reported below, when it is awaited
    const moved = await pump(source, sink, limits, stall);
    // Both sides now read the complete file again for its hash; no byte moves meanwhile.
    stall.allow(limits.stallMs + hashLimitMs(moved.bytes));
    const isComplete = source.size === undefined || moved.bytes === source.size;
    const expected = limits.sha256 ??
      (isComplete && remoteHash ? await abortable(remoteHash, stall.signal) : undefined);
    if (expected !== undefined && expected !== moved.sha256) {
      throw verificationFailed(source.path, `sha256 ${moved.sha256} instead of ${expected}`);
    }
    const proof = await abortable(
      sink.commit({ size: moved.bytes, sha256: moved.sha256 }),
      stall.signal,
    );
    return { ...moved, verified: proof === "sha256" || expected !== undefined ? "sha256" : "size" };
  } catch (error) {
    if (sink !== undefined) await valueWithin(sink.discard(), DISCARD_MS);
    throw error;
  } finally {
    await valueWithin(source.close(), DISCARD_MS);
  }
}

async function pump(
  source: Source,
  sink: Sink,
  { maxBytes, stallMs, progress }: CopyLimits,
  stall: StallLimit,
): Promise<{ bytes: number; sha256: string }> {
  const hash = sha256();
  const chunks = source.chunks()[Symbol.asyncIterator]();
  let bytes = 0;
  let reportedAt = performance.now();
  const total = source.size === undefined ? {} : { total: source.size };
  try {
    for (;;) {
      const { value: chunk, done } = await abortable(chunks.next(), stall.signal);
      if (done) break;
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge("File", bytes, maxBytes);
      // The hash is computed while the write is in progress.
      const written = sink.write(chunk);
      hash.update(chunk);
      await abortable(written, stall.signal);
      if (chunk.length > 0) stall.moved();
      // The end of a file that is read through a shell comes with its hash.
      if (bytes === source.size) stall.allow(stallMs + hashLimitMs(bytes));
      if (progress !== undefined && performance.now() - reportedAt >= PROGRESS_MS) {
        reportedAt = performance.now();
        progress({ bytes, ...total });
      }
    }
  } catch (error) {
    chunks.return?.()?.catch(() => {}); // not awaited: pending requests end with the connection at the latest
    throw error;
  }
  // Files of /sys report one page and have less: their size is wrong and stays so.
  if (
    source.size !== undefined && bytes < source.size && await source.sizeNow?.() !== source.size
  ) {
    throw shrunk(source.path, bytes, source.size);
  }
  progress?.({ bytes, ...total });
  return { bytes, sha256: hash.digest("hex") };
}

const shrunk = (path: string, bytes: number, size: number) =>
  new RemoteExecError(
    "changed",
    `${path} shrank while it was read: only ${bytes} of ${size} bytes were left`,
    "Try again when nothing writes to the file",
  );

/** Returns the error for a transfer that moves no byte. */
export const stalled = (stallMs: number) =>
  new RemoteExecError(
    "timeout",
    `The transfer stalled for ${stallMs / 1000} seconds and was aborted`,
    "Check the network and the load of the host, then try again",
  );
