import type { HostTraits } from "../connection/host_traits.ts";
import type { ConnectionPool } from "../connection/pool.ts";
import { runCommand } from "../commands/exec.ts";
import { hashCommand, parseHash } from "./file_scripts.ts";
import { noneIfUnsupported } from "./remote_file_errors.ts";

/** Max time for a hash on the host; after that the copy is verified only by size. */
const HASH_LIMIT_MS = 600_000;

/** Returns the sha256 of the first `size` bytes of a file, computed on the host, if that is possible. */
export async function remoteHash(
  pool: ConnectionPool,
  traits: HostTraits,
  { path, size }: { readonly path: string; readonly size: number },
  signal: AbortSignal,
): Promise<string | undefined> {
  // A forced command would run again.
  if (traits.login === "forced") return undefined;
  // A relative path could be another file: start-up files may change the directory.
  if (!path.startsWith("/")) return undefined;
  const command = hashCommand(path, size);
  const request = { command, timeoutMs: HASH_LIMIT_MS, hasStartMark: true };
  const context = { signal, progress: undefined, isOwn: true };
  const outcome = await runCommand(pool, request, 1_000, context).catch(noneIfUnsupported);
  return outcome?.ending === "exit" ? parseHash(outcome.stdout.text) : undefined;
}
