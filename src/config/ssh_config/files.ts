import { ConfigBlocks, type PlacedLine } from "./blocks.ts";
import { expandGlob } from "./glob.ts";
import { parseLine } from "./syntax.ts";

/** What the reader needs to know about the machine. */
export interface ConfigMachine {
  readonly home: string | undefined;
  /** Throws what Deno throws. */
  readText(path: string): string;
  /** The names in a directory; none if it cannot be listed. */
  list(directory: string): readonly string[];
  /** Type of what is at a path; symbolic links are followed. */
  kind(path: string): "file" | "directory" | "socket" | "other" | "missing";
  /** Owner and mode of a file; undefined where files have none. */
  access(path: string): { readonly uid: number; readonly mode: number } | undefined;
  /** The user of this process; undefined if it cannot be determined. */
  userId(): number | undefined;
}

/** A file of the configuration. */
export interface ConfigFile {
  readonly path: string;
  readonly blocks: ConfigBlocks;
}

/** A fault of the configuration: the whole file cannot be used. */
export class ConfigFault extends Error {
  override readonly name = "ConfigFault";
  constructor(message: string, readonly remedy: string) {
    super(message);
  }
}

/** Enough for every hand-written file. */
const MAX_BYTES = 1_048_576;
/** A file that includes itself twice would be read 65,536 times. */
const MAX_READS = 1_000;

/** Reads and parses the files of an SSH configuration, each once. */
export class ConfigFiles {
  readonly #machine: ConfigMachine;
  readonly #files = new Map<string, ConfigFile | undefined>();
  #reads = 0;

  constructor(machine: ConfigMachine) {
    this.#machine = machine;
  }

  /** The paths of all files that were read. */
  get paths(): string[] {
    return [...this.#files].flatMap(([path, file]) => file === undefined ? [] : [path]);
  }

  /** Counts from the start again, for the next host. */
  startOver(): void {
    this.#reads = 0;
  }

  /**
   * Returns a file, or undefined if it does not exist.
   *
   * @param isChecked the file must belong to root or this user, and others must not be able to write it
   * @throws ConfigFault
   */
  read(path: string, isChecked: boolean): ConfigFile | undefined {
    if (++this.#reads > MAX_READS) {
      throw new ConfigFault(
        `${path}: more than ${MAX_READS} files are included`,
        "Remove the Include lines that repeat each other",
      );
    }
    if (this.#files.has(path)) return this.#files.get(path);
    const file = this.#readNew(path, isChecked);
    this.#files.set(path, file);
    return file;
  }

  /** Returns the files that an absolute pattern matches. */
  matching(pattern: string): string[] {
    return expandGlob(pattern, {
      list: (directory) => this.#machine.list(directory),
      exists: (path) => this.#machine.kind(path) !== "missing",
    });
  }

  #readNew(path: string, isChecked: boolean): ConfigFile | undefined {
    if (this.#machine.kind(path) === "directory") return { path, blocks: new ConfigBlocks([]) };
    let text: string;
    try {
      text = this.#machine.readText(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw new ConfigFault(
        `The SSH configuration ${path} cannot be read: ${reasonOf(error)}`,
        "Make the file readable by the user that runs the server, or set SSH_CONFIG=none",
      );
    }
    if (isChecked) this.#check(path);
    if (text.length > MAX_BYTES) {
      throw new ConfigFault(
        `The SSH configuration ${path} is larger than 1 MiB`,
        "Divide the file, or name another one in SSH_CONFIG",
      );
    }
    return { path, blocks: new ConfigBlocks(linesOf(text)) };
  }

  /** OpenSSH refuses such files too: a user who can write them can redirect every connection. */
  #check(path: string): void {
    const found = this.#machine.access(path);
    if (found === undefined) return;
    const isOpen = (found.mode & 0o022) !== 0;
    if (!isOpen && (found.uid === 0 || found.uid === this.#machine.userId())) return;
    throw new ConfigFault(
      `Bad owner or permissions on ${path}: ${
        isOpen ? "other users may write it" : "it belongs to another user"
      }`,
      isOpen ? `Run: chmod go-w ${path}` : `Run: chown "$USER" ${path}`,
    );
  }
}

function linesOf(text: string): PlacedLine[] {
  return text.replace(/^\ufeff/, "").split("\n").flatMap((raw, index) => {
    const line = parseLine(raw);
    return line === undefined ? [] : [{ number: index + 1, line }];
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return error instanceof Error ? error.message : String(error);
}
