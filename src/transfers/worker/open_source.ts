import type { Clock } from "../../async/clock.ts";
import { deadline } from "../../async/deadline.ts";
import { RemoteExecError } from "../../errors.ts";
import type { FilesPort } from "../../ssh/files_port.ts";
import type { Endpoint } from "../../ssh/port.ts";
import { readFailed } from "../errors.ts";
import type { PutSource } from "./bridge.ts";

/** Connecting and looking at the file; the ssh worker has limits of its own for each. */
const OPEN_MS = 300_000;
/** Reading is aborted when the ssh worker sends nothing for this long. */
const STALL_MS = 60_000;
const HASH_MS = 60_000;
/** Bytes per millisecond. A file that is read slower than this is not hashed. */
const MIN_HASH_SPEED = 100;

/** What is opened, and what bounds it. */
export interface OpenRequest {
  readonly from: Endpoint;
  /** What messages call the file. */
  readonly label: string;
  readonly maxBytes: number;
}

/**
 * Opens a file through the ssh worker. A container reports its own files: it may stall forever or
 * report a size that is not a number, and neither may block a transfer.
 *
 * @throws RemoteExecError `timeout`, `io_error`, and what the ssh worker throws
 */
export async function openSource(
  files: FilesPort,
  { from, label, maxBytes }: OpenRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<PutSource> {
  const limits = { clock, signal, late: () => stalled(label) };
  const { facts: { size }, stream } = await deadline(
    files.read(from, undefined, signal),
    OPEN_MS,
    // A file that opens after all would stay open at the ssh worker.
    { ...limits, undo: (opened) => opened.stream.cancel() },
  );
  if (!Number.isSafeInteger(size) || size < 0) {
    stream.cancel().catch(() => {});
    throw readFailed(label, "its size is not a number");
  }
  const hashMs = HASH_MS + size / MIN_HASH_SPEED;
  return {
    label,
    size,
    maxBytes,
    stream: endingWhenStalled(stream, { clock, label, size, hashMs }),
    sha256: () => deadline(files.hostSha256(from, signal), hashMs, limits),
  };
}

interface Stalling {
  readonly clock: Clock;
  readonly label: string;
  readonly size: number;
  /** For the end, which may come with the hash that the host computes. */
  readonly hashMs: number;
}

/** Returns the same bytes; the stream ends in an error when a chunk takes too long. */
function endingWhenStalled(
  stream: ReadableStream<Uint8Array>,
  { clock, label, size, hashMs }: Stalling,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  const limits = { clock, late: () => stalled(label) };
  let received = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const limitMs = received === size ? hashMs : STALL_MS;
        const { value, done } = await deadline(reader.read(), limitMs, limits);
        if (done) return controller.close();
        received += value.length;
        controller.enqueue(value);
      } catch (error) {
        controller.error(error);
        reader.cancel(error).catch(() => {});
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

const stalled = (label: string) =>
  new RemoteExecError(
    "timeout",
    `Reading ${label} stalled and was aborted`,
    "Check the load of the host or container that holds the file, then try again",
  );
