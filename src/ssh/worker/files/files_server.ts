import { RemoteExecError } from "../../../errors.ts";
import { sha256 } from "./file_end.ts";
import type { FilesPort, FilesRights } from "../../files_port.ts";
import { restricted } from "./files_rights.ts";
import type { HostSession } from "../ssh_host.ts";
import { fromStream, toStream } from "./streams.ts";

/** What another worker may ask of the ssh worker; see {@linkcode FilesPort}. */
export const createFilesServer = (host: HostSession, rights: FilesRights): FilesPort =>
  restricted(unrestricted(host), rights);

function unrestricted(host: HostSession): FilesPort {
  return {
    stat: (endpoint, signal) => host.stat(endpoint, signal),
    tree: (endpoint, limits, signal) => host.tree(endpoint, limits, signal),
    // The signal is for the opening; a stream ends when its reader cancels it.
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
    write: (request, stream, signal) =>
      host.write(fromStream(stream, request.to.path, request.size), request, signal, undefined),
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
    for await (const chunk of source.chunks()) {
      signal.throwIfAborted();
      hash.update(chunk);
    }
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
