import { receiveStream, sendStream } from "../../../rpc/parcel.ts";
import type { ReceiveRequest, SentFile } from "../../hosts/port.ts";
import type { CopyOutcome, CopyProgress } from "../../port.ts";
import type { RemoteHost } from "../remote_host.ts";
import { COPIED_BITS } from "../directories/tree_item.ts";
import { fromStream, toStream } from "./files_server.ts";

/**
 * Opens a file for the worker of another host.
 *
 * @param report receives defects while it is sent
 */
export async function sendFile(
  host: RemoteHost,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
  report: (defect: unknown) => void,
): Promise<SentFile> {
  const from = { kind: "host", path } as const;
  const source = await host.openSource(from, maxBytes, signal);
  try {
    const sha256 = await host.sha256(from, signal);
    const { mode } = source.facts ?? await host.stat(from, signal);
    return { size: source.size, mode, sha256, end: sendStream(toStream(source), report) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * Writes a file of another host, which gets its name only after verification. That host chooses content and
 * mode, so setuid and setgid bits are left out.
 */
export async function receiveFile(
  host: RemoteHost,
  end: MessagePort,
  { path, size, sha256, mode, overwrite, maxBytes }: ReceiveRequest,
  signal: AbortSignal,
  progress: ((step: CopyProgress) => void) | undefined,
): Promise<CopyOutcome> {
  const stream = receiveStream(end);
  const request = {
    to: { kind: "host", path } as const,
    ...{ overwrite, maxBytes },
    ...(mode === undefined ? {} : { mode: mode & COPIED_BITS }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
  try {
    return await host.write(fromStream(stream, path, size), request, signal, progress);
  } finally {
    if (!stream.locked) await stream.cancel().catch(() => {});
  }
}
