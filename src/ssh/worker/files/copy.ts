import { abortable } from "../../../async/abortable.ts";
import { cancelling } from "../../../async/cancelling.ts";
import { RemoteExecError } from "../../../errors.ts";
import { valueWithin } from "../../../async/deadline.ts";
import { type StallLimit, stallLimit } from "../../../async/stall_limit.ts";
import { tooLarge, verificationFailed } from "../../errors.ts";
import { sha256, type Sink, type Source } from "./source_sink.ts";
import type { CopyProgress, Verification } from "../../port.ts";

const PROGRESS_MS = 250;
/** How long a left-over may take to be removed before it is left to the guard. */
const DISCARD_MS = 5_000;
/** Bytes in a second that a slow disk gives at the least, when a file is read for its hash. */
const SLOWEST_HASH = 10_000_000;
/** The hash of more is given up by whoever computes it. */
const LONGEST_HASH_BYTES = 600 * SLOWEST_HASH;

/** What bounds a copy. */
export interface CopyLimits {
  readonly maxBytes: number;
  /** A transfer that moves nothing for so long is given up. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
  readonly progress: ((step: CopyProgress) => void) | undefined;
  /** Content that is required, when it is known. */
  readonly sha256: string | undefined;
}

/** What was moved and how it was proven. */
export interface Copied {
  readonly bytes: number;
  readonly sha256: string;
  readonly verified: Verification;
}

/**
 * Moves everything from source to sink, with a hash of what passes, and gives the file its name only
 * when size and sha256 agree. Closes the source; discards what was stored when anything fails.
 *
 * @throws RemoteExecError `too_large`, `changed`, `verification_failed`, `cancelled`, `timeout`, or an end's own error
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
    remoteHash?.catch(() => {}); // told below, if it comes to that
    const moved = await pump(source, sink, limits, stall);
    // Both sides now read all of it once more to tell its hash, and nothing moves meanwhile.
    const hashSeconds = Math.floor(Math.min(moved.bytes, LONGEST_HASH_BYTES) / SLOWEST_HASH);
    stall.allow(limits.stallMs + hashSeconds * 1000);
    const expected = limits.sha256 ??
      await abortable(remoteHash ?? Promise.resolve(undefined), stall.signal);
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
  { maxBytes, progress }: CopyLimits,
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
      // The write is under way while the hash is computed.
      const written = sink.write(chunk);
      hash.update(chunk);
      await abortable(written, stall.signal);
      if (chunk.length > 0) stall.moved();
      if (progress !== undefined && performance.now() - reportedAt >= PROGRESS_MS) {
        reportedAt = performance.now();
        progress({ bytes, ...total });
      }
    }
  } catch (error) {
    chunks.return?.()?.catch(() => {}); // its pending requests end with the connection at the latest
    throw error;
  }
  if (source.size !== undefined && bytes < source.size) {
    throw shrunk(source.path, bytes, source.size);
  }
  progress?.({ bytes, ...total });
  return { bytes, sha256: hash.digest("hex") };
}

const shrunk = (path: string, bytes: number, size: number) =>
  new RemoteExecError(
    "changed",
    `${path} became shorter while it was read: ${bytes} of ${size} bytes were there`,
    "Try again when nothing writes to the file",
  );

/** The error of work that does not move. */
export const stalled = (stallMs: number) =>
  new RemoteExecError(
    "timeout",
    `The transfer stood still for ${stallMs / 1000} seconds and was given up`,
    "Check the network and the load of the host, then try again",
  );
