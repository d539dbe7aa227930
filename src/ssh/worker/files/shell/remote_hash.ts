import type { HostTraits } from "../../connection/host_traits.ts";
import type { ConnectionPool, SessionWait } from "../../connection/pool.ts";
import { runCommand } from "../../commands/exec.ts";
import { hashCommand, parseHash } from "./file_scripts.ts";
import { GrowingHash, growingHashLine } from "./growing_hash.ts";
import type { HostAccess } from "../host_files.ts";
import { noneIfUnsupported } from "../remote_file_errors.ts";

/** Max time for a hash on the host; after that the copy is verified only by size. */
const HASH_LIMIT_MS = 600_000;
/** Each growing hash takes a session as long as its file is written, which commands need too. */
const MAX_GROWING = 2;
const MIN_SESSIONS = 6;

/** Computes hashes of files on the host, by commands. */
export class RemoteHashes {
  readonly #pool: ConnectionPool;
  readonly #traits: HostTraits;
  #growing = 0;

  constructor(pool: ConnectionPool, traits: HostTraits) {
    this.#pool = pool;
    this.#traits = traits;
  }

  /** @param mayRun whether a command of the server's own may run */
  access(
    mayRun: Promise<boolean>,
    wait: () => SessionWait,
  ): Pick<HostAccess, "hash" | "growingHash"> {
    return {
      hash: async (path, size) =>
        await mayRun ? await this.#hash(path, size, wait().signal) : undefined,
      growingHash: (path) => this.#grow(path, mayRun, wait()),
    };
  }

  async #hash(path: string, size: number, signal: AbortSignal): Promise<string | undefined> {
    if (!this.#mayHash(path)) return undefined;
    const command = hashCommand(path, size);
    const request = { command, timeoutMs: HASH_LIMIT_MS, hasStartMark: true };
    const context = { signal, progress: undefined, isOwn: true };
    const outcome = await runCommand(this.#pool, request, 1_000, context).catch(noneIfUnsupported);
    return outcome?.ending === "exit" ? parseHash(outcome.stdout.text) : undefined;
  }

  #grow(path: string, mayRun: Promise<boolean>, wait: SessionWait): GrowingHash | undefined {
    const isFree = this.#growing < MAX_GROWING && this.#traits.sessionLimit >= MIN_SESSIONS;
    if (!isFree || !this.#mayHash(path)) return undefined;
    this.#growing++;
    const starting = mayRun.then((may) =>
      may ? this.#pool.start(growingHashLine(path), wait, true) : undefined
    );
    return new GrowingHash(starting, () => this.#growing--);
  }

  #mayHash(path: string): boolean {
    // A forced command would run again. A relative path could be another file: start-up files may change
    // the directory.
    return this.#traits.login !== "forced" && path.startsWith("/");
  }
}
