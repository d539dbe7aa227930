import { valueWithin } from "../../../../async/deadline.ts";
import { loginLine } from "../../../../shell/login_line.ts";
import { PRINT_START_MARK } from "../../../../shell/start_mark.ts";
import { CommandStream } from "../../commands/command_stream.ts";
import type { StartedCommand } from "../../commands/started_command.ts";
import { FAST_STDIN, parseHash } from "./file_scripts.ts";

const BLOCK_BYTES = 1_048_576;
/**
 * The host reads so many blocks by one process. Fewer processes disturb the upload less: with two cores, 200 MB
 * take 713 ms with 8 blocks, 648 with 32, and 618 with 48 or 64 (medians of 21, measured).
 */
const STEP_BLOCKS = 48;
const REST = "0\n";
/** After the last byte, a host that has not yet started the command is not waited for longer. */
const OPEN_MS = 10_000;

/**
 * Returns a command line that hashes a file while it is written. It reads numbers from stdin: so many
 * blocks of the file are stored and can be read back; 0: the file is complete. Then it prints the sha256.
 *
 * `dd` reads exactly what it should. `tail -f` would read once a second on busybox, and `head` of busybox
 * reads more than it prints.
 */
export const growingHashLine = (path: string): string =>
  loginLine(
    `${PRINT_START_MARK}; exec 3< "$1" || exit; { while read -r n; do ` +
      `[ "$n" -gt 0 ] || { cat <&3; break; }; ` +
      `dd bs=${BLOCK_BYTES} count="$n" <&3 2>/dev/null || break; done; } | { ${FAST_STDIN}; }`,
    path,
  );

/**
 * Hashes a file on the host while it is written there, so that little is left to do after the last byte.
 * Only what the host has stored is read back. A hash that differs from the expected one proves nothing:
 * a program may be missing, or a server may write in another order.
 */
export class GrowingHash {
  readonly #opening: Promise<CommandStream | undefined>;
  #stream: CommandStream | undefined;
  readonly #onEnd: () => void;
  #storedBytes = 0;
  #readBlocks = 0;
  #isOver = false;

  /**
   * @param starting the command of {@linkcode growingHashLine}; undefined or a rejection means no hash
   * @param onEnd called once, by `close()` or `finish()`
   */
  constructor(starting: Promise<StartedCommand | undefined>, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#opening = starting.then(
      (command) => command && new CommandStream(command),
      () => undefined,
    );
    this.#opening.then((stream) => {
      this.#stream = stream;
      this.#readStored();
    });
  }

  /** Tells the host that the first `bytes` of the file are stored. */
  stored(bytes: number): void {
    this.#storedBytes = bytes;
    this.#readStored();
  }

  /**
   * Returns the sha256 of the complete file; undefined if the host does not begin in time, or cannot.
   * Call it when everything is stored.
   */
  async finish(): Promise<string | undefined> {
    const stream = await valueWithin(this.#opening, OPEN_MS);
    if (stream !== undefined) await this.#tell(stream, REST);
    const line = await stream?.readLine().catch(() => undefined);
    // Nothing is left to wait for.
    this.close().catch(() => {});
    return line === undefined ? undefined : parseHash(line);
  }

  /** Stops the command. May be called twice. */
  async close(): Promise<void> {
    const stream = await this.#opening;
    try {
      await stream?.close();
    } finally {
      if (!this.#isOver) this.#onEnd();
      this.#isOver = true;
    }
  }

  #readStored(): void {
    const blocks = Math.floor(this.#storedBytes / BLOCK_BYTES) - this.#readBlocks;
    if (this.#stream === undefined || blocks < STEP_BLOCKS) return;
    this.#readBlocks += blocks;
    this.#tell(this.#stream, `${blocks}\n`).catch(() => {});
  }

  #tell(stream: CommandStream, line: string): Promise<boolean> {
    return stream.write(new TextEncoder().encode(line));
  }
}
