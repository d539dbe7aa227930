import type { Limits } from "../../config/config.ts";
import { printable, RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { inTime } from "../../rpc/in_time.ts";
import { tooLarge } from "../errors.ts";
import type { ExecOutcome } from "../port.ts";
import { commandProgress } from "../service.ts";
import { applyEdits, type Edit } from "./apply_edits.ts";
import type { ContainerCommand, Containers } from "./containers.ts";
import { type DecodedText, decodeText, encodeText } from "./encoding.ts";
import type { ContentOutcome, Listing, RemoteEndpoint, TextPage, TextPort } from "./port.ts";
import { unifiedDiff } from "./unified_diff.ts";

/** A file or directory, and the call that asked for it. */
export interface TextCall extends ToolContext {
  readonly path: string;
  /** The container of the path. */
  readonly ctid: number | undefined;
  /** As root of the host; in a container the call is root's anyway. */
  readonly sudo: boolean;
}

/** One call of {@linkcode TextService.read}. */
export interface ReadCall extends TextCall {
  readonly fromLine: number;
  readonly lines: number | undefined;
  readonly tailLines: number | undefined;
}

/** One call of {@linkcode TextService.write}. */
export interface WriteCall extends TextCall {
  readonly content: string;
  readonly mode: number | undefined;
  readonly overwrite: boolean;
  readonly parents: boolean;
  readonly expectSha256: string | undefined;
}

/** One call of {@linkcode TextService.edit}. */
export interface EditCall extends TextCall {
  readonly edits: readonly Edit[];
  readonly expectSha256: string | undefined;
  readonly dryRun: boolean;
  /** A command line for the login shell. */
  readonly check: string | undefined;
}

/** The result of {@linkcode TextService.edit}. */
export interface EditOutcome {
  readonly diff: string;
  readonly replacements: number;
  /** Of the file after the call: of its old content after a dry run or a failed check. */
  readonly sha256: string;
  readonly bytes: number;
  /** Undefined if nothing was written: after a dry run, or if the edits changed nothing. */
  readonly written: ContentOutcome | undefined;
  readonly check: ExecOutcome | undefined;
}

/** V8's texts have at most 2^29 characters, and an edit needs some of them. */
const MAX_TEXT_BYTES = 256_000_000;

/** Reads, writes, edits and lists text files on the host and in containers. */
export class TextService {
  readonly #port: TextPort;
  readonly #limits: Limits;
  readonly #containers: Containers | undefined;
  readonly #files: boolean;
  /** Whether the tools have the argument `sudo`. */
  readonly hasSudo: boolean;

  /** @param files whether the tools that copy files are offered, which suggestions then name */
  constructor(
    port: TextPort,
    limits: Limits,
    containers: Containers | undefined,
    { files, sudo = false }: { readonly files: boolean; readonly sudo?: boolean },
  ) {
    this.hasSudo = sudo;
    this.#port = port;
    this.#limits = limits;
    this.#containers = containers;
    this.#files = files;
  }

  get limits(): Limits {
    return this.#limits;
  }

  get hasContainers(): boolean {
    return this.#containers !== undefined;
  }

  /** Reads lines of a text file. @throws RemoteExecError `binary_file`, `not_found`, … */
  async read({ fromLine, lines, tailLines, ...call }: ReadCall): Promise<TextPage> {
    if (tailLines !== undefined && (fromLine !== 1 || lines !== undefined)) throw twoParts();
    const { characterLimit: maxCharacters, maxFileBytes: maxBytes } = this.#limits;
    const part = { fromLine, lines, tailLines, maxCharacters, maxBytes };
    return await this.#run(
      call,
      (from) => this.#port.readPage({ from, ...part }, call.signal),
    );
  }

  /** Writes a complete file. @throws RemoteExecError `already_exists`, `changed`, `too_large`, … */
  async write(call: WriteCall): Promise<ContentOutcome & { readonly bytes: number }> {
    const { content, mode, overwrite, parents, signal } = call;
    const expectSha256 = call.expectSha256?.toLowerCase();
    const bytes = new TextEncoder().encode(content);
    this.#checkSize(bytes);
    const request = {
      bytes,
      mode,
      parents,
      expectSha256,
      overwrite: overwrite || expectSha256 !== undefined,
    };
    const outcome = await this.#run(
      call,
      (to) => this.#port.writeContent({ to, ...request }, signal),
    );
    return { ...outcome, bytes: bytes.length };
  }

  /**
   * Applies edits to a file, all or none. If the check fails, the old file is back, and the outcome says
   * so in `written.isKept`.
   *
   * @throws RemoteExecError `no_match`, `not_unique`, `changed`, `binary_file`, …
   */
  async edit(call: EditCall): Promise<EditOutcome> {
    const { path, edits, dryRun, signal } = call;
    const expectSha256 = call.expectSha256?.toLowerCase();
    const maxBytes = Math.min(this.#limits.maxFileBytes, MAX_TEXT_BYTES);
    const old = await this.#run(
      call,
      (from) => this.#port.readContent(from, maxBytes, signal),
    );
    if (expectSha256 !== undefined && old.sha256 !== expectSha256) throw hasChanged(path);
    const decoded = decodeText(old.bytes);
    if (decoded === undefined) throw this.#binary(notText(path), call.ctid);
    const { text, replacements } = applyEdits(decoded.text, edits, path, maxBytes);
    const bytes = encoded({ ...decoded, text }, path);
    this.#checkSize(bytes);
    const diff = unifiedDiff(decoded.text, text, path);
    if (dryRun || diff === "") {
      return {
        diff,
        replacements,
        sha256: old.sha256,
        bytes: bytes.length,
        written: undefined,
        check: undefined,
      };
    }
    const { written, check } = await this.#replace(call, bytes, old.sha256);
    const sha256 = written.isKept ? written.sha256 : old.sha256;
    return { diff, replacements, sha256, bytes: bytes.length, written, check };
  }

  /** Lists a directory. @throws RemoteExecError `not_found`, `not_permitted`, … */
  async list(
    { depth, hidden, limit, ...call }: TextCall & {
      readonly depth: number;
      readonly hidden: boolean;
      readonly limit: number;
    },
  ): Promise<Listing> {
    return await this.#run(
      call,
      (directory) => this.#port.listEntries({ directory, depth, hidden, limit }, call.signal),
    );
  }

  async #replace(
    call: EditCall,
    bytes: Uint8Array,
    expectSha256: string,
  ): Promise<{ written: ContentOutcome; check: ExecOutcome | undefined }> {
    const command = call.check === undefined ? undefined : this.#check(call.check, call);
    const request = {
      bytes,
      overwrite: true,
      mode: undefined,
      parents: false,
      expectSha256,
      ...(command === undefined ? {} : { check: command.request }),
    };
    const report = command && commandProgress(call.progress);
    const written = await this.#run(
      call,
      (to) => this.#port.writeContent({ to, ...request }, call.signal, report),
    );
    const { check } = written;
    return { written, check: check && command ? command.outcome(check) : check };
  }

  #check(command: string, { ctid, sudo }: TextCall): ContainerCommand {
    const { timeoutMs } = this.#limits;
    if (ctid !== undefined && this.#containers !== undefined) {
      return this.#containers.command(ctid, command, timeoutMs);
    }
    const root = sudo ? { sudo } : {};
    return { request: { command, timeoutMs, ...root }, outcome: (outcome) => outcome };
  }

  async #run<T>(
    { path, ctid, sudo, signal }: TextCall,
    work: (endpoint: RemoteEndpoint) => Promise<T>,
  ): Promise<T> {
    const endpoint = this.#endpoint(path, ctid, sudo);
    try {
      return await inTime(signal, undefined, work(endpoint));
    } catch (error) {
      if (error instanceof RemoteExecError && error.code === "binary_file") {
        throw this.#binary(error.message, ctid);
      }
      if (ctid === undefined || this.#containers === undefined) throw error;
      throw await this.#containers.problem(ctid, error, signal);
    }
  }

  #endpoint(path: string, ctid: number | undefined, sudo: boolean): RemoteEndpoint {
    if (ctid === undefined) return { kind: "host", path, ...(sudo ? { sudo } : {}) };
    if (this.#containers === undefined) throw noContainers();
    return this.#containers.endpoint(ctid, path);
  }

  #checkSize(bytes: Uint8Array): void {
    const { maxFileBytes } = this.#limits;
    if (bytes.length > maxFileBytes) throw tooLarge("File", bytes.length, maxFileBytes);
  }

  #binary(message: string, ctid: number | undefined): RemoteExecError {
    const copy = ctid === undefined ? "ssh_download_file" : "proxmox_download_file_from_container";
    return new RemoteExecError(
      "binary_file",
      message,
      `${
        this.#files ? `Copy it with ${copy}, or inspect` : "Inspect"
      } it with a command, for example \`file\` or \`xxd\``,
    );
  }
}

function encoded(text: DecodedText, path: string): Uint8Array {
  const bytes = encodeText(text);
  if (bytes instanceof Uint8Array) return bytes;
  const code = bytes.unencodable.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0");
  throw new RemoteExecError(
    "invalid_argument",
    `${printable(path)} is ${text.encoding}, which cannot hold ${
      JSON.stringify(bytes.unencodable)
    } (U+${code}); nothing was changed`,
    "Leave that character out, or convert the file to UTF-8 first",
  );
}

const notText = (path: string): string => `${printable(path)} is a binary file, not text`;

const hasChanged = (path: string) =>
  new RemoteExecError(
    "changed",
    `${printable(path)} has changed: its sha256 is not expect_sha256; nothing was changed`,
    "Read it again with ssh_read_file, then repeat the edits on its current content",
  );

const twoParts = () =>
  new RemoteExecError(
    "invalid_argument",
    "tail_lines names the last lines, so from_line and lines do not go with it",
    "Pass either tail_lines, or from_line and lines",
  );

const noContainers = () =>
  new RemoteExecError(
    "not_configured",
    "ctid needs Proxmox, which is off",
    "Set ENABLE_PROXMOX=true, or omit ctid",
  );
