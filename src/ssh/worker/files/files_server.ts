import { abortable } from "../../../async/abortable.ts";
import { cancelling } from "../../../async/cancelling.ts";
import { stallLimit } from "../../../async/stall_limit.ts";
import { oneLine, RemoteExecError } from "../../../errors.ts";
import { stalled } from "./copy.ts";
import { sha256, type Source } from "./source_sink.ts";
import type { FilesPort } from "../../files_port.ts";
import type { FilesGrant } from "../../port.ts";
import { restricted } from "./restricted_files.ts";
import type { RemoteHost } from "../remote_host.ts";

/** Returns the FilesPort for another worker, limited to its grant. */
export const createFilesServer = (host: RemoteHost, grant: FilesGrant): FilesPort =>
  restricted(unrestricted(host), grant);

function unrestricted(host: RemoteHost): FilesPort {
  return {
    stat: (endpoint, signal) => host.stat(endpoint, signal),
    tree: (endpoint, limits, signal) => host.tree(endpoint, limits, signal),
    // The signal only cancels opening; an open stream ends when its reader cancels it.
    async read(endpoint, range, signal) {
      const source = await host.openSource(endpoint, Number.MAX_SAFE_INTEGER, signal, range);
      try {
        const facts = source.facts ?? await host.stat(endpoint, signal);
        return { facts, stream: toStream(source) };
      } catch (error) {
        await source.close();
        throw error;
      }
    },
    async readTree(endpoint, signal) {
      const command = await host.openTree(endpoint, signal);
      return new ReadableStream<Uint8Array>({
        async pull(controller) {
          const chunk = await command.read().catch(async (error) => {
            await command.close();
            throw error;
          });
          if (chunk !== undefined) return controller.enqueue(chunk);
          const code = await command.exitCode();
          await command.close();
          if (code === 0) controller.close();
          else controller.error(treeBroken(command.stderr));
        },
        cancel: () => command.close(),
      }, { highWaterMark: 0 });
    },
    sha256: async (endpoint, signal) =>
      await host.sha256(endpoint, signal) ?? await hashHere(host, endpoint, signal),
    hostSha256: (endpoint, signal) => host.sha256(endpoint, signal),
    write: (request, stream, signal) =>
      host.write(fromStream(stream, request.to.path, request.size), request, signal, undefined),
  };
}

/** A file that sends nothing for so long, such as /proc/kmsg, is not read on. */
const STALL_MS = 30_000;

async function hashHere(
  host: RemoteHost,
  endpoint: Parameters<FilesPort["sha256"]>[0],
  signal: AbortSignal,
): Promise<string> {
  const source = await host.openSource(endpoint, Number.MAX_SAFE_INTEGER, signal);
  using stall = stallLimit(STALL_MS, { signal: cancelling(signal), late: stalled });
  try {
    const hash = sha256();
    const chunks = source.chunks()[Symbol.asyncIterator]();
    for (;;) {
      const { value, done } = await abortable(chunks.next(), stall.signal);
      if (done) return hash.digest("hex");
      stall.moved();
      hash.update(value);
    }
  } finally {
    await source.close();
  }
}

const treeBroken = (seen: string) =>
  new RemoteExecError(
    "io_error",
    `The directory could not be read completely: ${oneLine(seen)}`,
    "Check permissions below the directory",
  );

/**
 * Converts a source to a stream for another worker, read at that worker's pace. A read error errors the
 * stream; canceling the stream closes the source.
 */
export function toStream(source: Source): ReadableStream<Uint8Array> {
  const chunks = source.chunks()[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await chunks.next().catch(async (error) => {
        await source.close();
        throw error;
      });
      if (done) {
        await source.close();
        controller.close();
      } else {
        // No copy needed: sending the chunk to the other worker copies it before the next is requested.
        controller.enqueue(value);
      }
    },
    async cancel() {
      // Not awaited: a stalled read would keep the source open.
      chunks.return?.()?.catch(() => {});
      await source.close();
    },
  }, { highWaterMark: 0 });
}

/** Converts another worker's stream to a source. If `size` is set, the copy checks it. */
export function fromStream(
  stream: ReadableStream<Uint8Array>,
  path: string,
  size: number | undefined,
): Source {
  return {
    size,
    path,
    async *chunks() {
      for await (const chunk of stream) yield chunk;
    },
    async close() {
      if (!stream.locked) await stream.cancel().catch(() => {});
    },
  };
}
