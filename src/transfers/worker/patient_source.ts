import type { Clock } from "../../async/clock.ts";
import { RemoteExecError } from "../../errors.ts";
import type { FilesPort } from "../../ssh/files_port.ts";
import type { Endpoint } from "../../ssh/port.ts";
import { readFailed } from "../errors.ts";
import { withinLimit } from "./wait.ts";

/** Connecting, and a look at the file; each has limits of its own at the other end. */
const OPEN_MS = 300_000;
/** The other end is given up when it has nothing to say for this long. */
const STALL_MS = 60_000;
const HASH_MS = 60_000;
/** Slower than this (bytes a millisecond) a file is not hashed. */
const SLOWEST_HASH = 100;

/** A file that was opened for a bridge. */
export interface PatientSource {
  /** Bytes; 0 also where it is not known before. */
  readonly size: number;
  readonly stream: ReadableStream<Uint8Array>;
  sha256(): Promise<string>;
}

/**
 * Opens a file at the other end. What lies in a container is told by the container: it may stand
 * still for ever or tell a size that is none, and neither may hold a transfer up.
 *
 * @param label what the file is, for messages
 * @throws RemoteExecError `timeout`, `io_error`, and what the other end throws
 */
export async function openPatiently(
  files: FilesPort,
  from: Endpoint,
  label: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<PatientSource> {
  const late = () => stoodStill(label);
  const opening = files.read(from, undefined, signal);
  const { facts: { size }, stream } = await withinLimit(clock, OPEN_MS, signal, late, () => opening)
    .catch((error) => {
      // One that comes after all would stay open at the other end.
      opening.then((opened) => opened.stream.cancel()).catch(() => {});
      throw error;
    });
  if (!Number.isSafeInteger(size) || size < 0) {
    stream.cancel().catch(() => {});
    throw readFailed(label, "its size is not a number");
  }
  const hashMs = HASH_MS + size / SLOWEST_HASH;
  return {
    size,
    stream: untilStill(stream, clock, late),
    sha256: () => withinLimit(clock, hashMs, signal, late, () => files.sha256(from, signal)),
  };
}

/** The same bytes; ends in an error when a piece is waited for too long. */
function untilStill(
  stream: ReadableStream<Uint8Array>,
  clock: Clock,
  late: () => Error,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  const never = new AbortController().signal;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await withinLimit(
          clock,
          STALL_MS,
          never,
          late,
          () => reader.read(),
        );
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(error);
        reader.cancel(error).catch(() => {});
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

const stoodStill = (label: string) =>
  new RemoteExecError(
    "timeout",
    `Reading ${label} stood still and was given up`,
    "Check the load of the host or container that holds the file, then try again",
  );
