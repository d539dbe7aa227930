import { RemoteExecError } from "../errors.ts";
import type { CallId } from "./port.ts";
import { sha256 } from "./file_end.ts";
import type { FilesPort, FilesRights } from "./files_port.ts";
import { restricted } from "./files_rights.ts";
import type { HostSession } from "./session.ts";
import { fromStream, toStream } from "./streams.ts";

/** What other workers may ask of the ssh worker; see {@linkcode FilesPort}. */
export function createFilesServer(host: HostSession, rights?: FilesRights): FilesPort {
  const port = unrestricted(host);
  return rights === undefined ? port : restricted(port, rights);
}

function unrestricted(host: HostSession): FilesPort {
  const writing = new Map<CallId, AbortController>();
  // These calls are bounded by the session's own limits; a stream ends when its reader cancels it.
  const never = new AbortController().signal;
  return {
    stat: (endpoint) => host.stat(endpoint, never),
    tree: (endpoint, limits) => host.tree(endpoint, limits, never),
    async read(endpoint, range) {
      const source = await host.openSource(endpoint, Number.MAX_SAFE_INTEGER, never, range);
      try {
        const facts = source.facts ?? await host.stat(endpoint, never);
        const stream = toStream(source);
        return { facts, stream };
      } catch (error) {
        await source.close();
        throw error;
      }
    },
    async readTree(endpoint) {
      const command = await host.openTree(endpoint, never);
      const stream = new ReadableStream<Uint8Array>({
        async pull(controller) {
          const chunk = await command.read().catch(async (error) => {
            await command.close();
            throw error;
          });
          if (chunk !== undefined) return controller.enqueue(chunk.slice());
          const code = await command.exitCode();
          await command.close();
          if (code === 0) controller.close();
          else controller.error(treeBroken(command.stderr));
        },
        cancel: () => command.close(),
      }, { highWaterMark: 4 });
      return stream;
    },
    async sha256(endpoint) {
      return await host.sha256(endpoint, never) ?? await hashHere(host, endpoint, never);
    },
    async write(id, { size, ...request }, stream) {
      const controller = new AbortController();
      writing.set(id, controller);
      try {
        return await host.write(
          fromStream(stream, request.to.path, size),
          request,
          controller.signal,
          undefined,
        );
      } finally {
        writing.delete(id);
      }
    },
    cancel(id) {
      writing.get(id)?.abort();
      return Promise.resolve();
    },
  };
}

async function hashHere(
  host: HostSession,
  endpoint: Parameters<FilesPort["sha256"]>[0],
  signal: AbortSignal,
): Promise<string> {
  const source = await host.openSource(endpoint, Number.MAX_SAFE_INTEGER, signal);
  try {
    const hash = sha256();
    for await (const chunk of source.chunks()) hash.update(chunk);
    return hash.digest("hex");
  } finally {
    await source.close();
  }
}

const treeBroken = (seen: string) =>
  new RemoteExecError(
    "io_error",
    `The directory could not be read to its end: ${seen}`,
    "Check permissions below the directory",
  );
