import { createHash } from "node:crypto";
import { posix } from "node:path";
import { abortable } from "../../../async/abortable.ts";
import type { Clock } from "../../../async/clock.ts";
import { stallLimit } from "../../../async/stall_limit.ts";
import { ByteReader } from "../../../bytes/byte_reader.ts";
import type { FilesPort } from "../../../ssh/files_port.ts";
import type { Endpoint, FileFacts } from "../../../ssh/port.ts";
import { once } from "../archive/zip_archive.ts";
import { readStalled, withoutLength } from "../../errors.ts";
import type { LinkProgress } from "../../port.ts";
import type { Source } from "./source.ts";

/** A path on the host or in a container to be linked, and its limits. */
export interface RemoteRequest {
  readonly files: FilesPort;
  readonly from: Exclude<Endpoint, { kind: "local" }>;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly progress: ((step: LinkProgress) => void) | undefined;
}

/** Up to this size, a file is read when it is linked, because its reported size may be wrong. */
export const SNAPSHOT_BYTES = 64 * 1024;
/** The same limit as for a copy. */
const STALL_MS = 30_000;

/** Reads a small file to its end. @throws RemoteExecError `unsupported` if it is longer, `timeout` if it stalls */
export async function readSmall(
  { files, from, signal, clock }: RemoteRequest,
): Promise<Uint8Array> {
  const late = () => readStalled(from.path, STALL_MS);
  using stall = stallLimit(STALL_MS, { signal, late, clock });
  const opening = files.read(from, undefined, stall.signal);
  const { stream } = await abortable(opening, stall.signal, (late) => late.stream.cancel());
  const content = new Uint8Array(SNAPSHOT_BYTES + 1);
  const reader = new ByteReader(stream, stall.signal);
  try {
    const length = await reader.fill(content);
    if (length > SNAPSHOT_BYTES) throw withoutLength(from.path);
    return content.slice(0, length);
  } finally {
    reader.cancel();
  }
}

/**
 * Returns a source of a file whose reported size is wrong, as in /sys and /proc. Such a file may have other
 * content each time it is read, so the link serves the content that was read when it was made.
 */
export function snapshotSource(
  { from }: RemoteRequest,
  { path }: FileFacts,
  content: Uint8Array,
): Source {
  const name = nameOf(from.path, path);
  return {
    kind: "file",
    origin: originOf(from),
    name,
    downloadName: name,
    size: content.length,
    sha256: createHash("sha256").update(content).digest("hex"),
    leftOut: { count: 0, names: [] },
    verify: () => Promise.resolve(),
    open: ({ start, end }) =>
      Promise.resolve({
        chunks: once(content.subarray(start, end)),
        close: () => Promise.resolve(),
      }),
  };
}

export const originOf = ({ kind }: RemoteRequest["from"]) => kind === "host" ? "host" : "container";

/** Returns the last part of the requested path; for `~`, `.` and `/`, that of the path that the host resolved. */
export function nameOf(asked: string, real: string): string {
  const own = posix.basename(asked);
  if (own !== "" && own !== "." && !own.startsWith("~")) return own;
  return posix.basename(real) || "root";
}
