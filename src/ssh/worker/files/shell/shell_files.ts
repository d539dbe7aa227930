import { abortable } from "../../../../async/abortable.ts";
import { posix } from "node:path";
import { oneLine, printable, RemoteExecError } from "../../../../errors.ts";
import { CommandStream } from "../../commands/command_stream.ts";
import type { StartedCommand } from "../../commands/started_command.ts";
import { connectionLost, verificationFailed } from "../../../errors.ts";
import {
  type Finished,
  type Proof,
  type Sink,
  type SinkOptions,
  type Source,
} from "../source_sink.ts";
import { temporaryName } from "../temporary_files.ts";
import { listScript, readScript, scriptLine, statScript, tarScript } from "./file_scripts.ts";
import { writeScript } from "./write_script.ts";
import type { FileFacts } from "../../../port.ts";
import type { ByteRange, TreeEntry, TreeLimits } from "../../../files_port.ts";
import {
  changedWhileRead,
  checkRemotePath,
  listFailed,
  type ShellEndpoint,
  shellFileError,
  toolMissing,
} from "../remote_file_errors.ts";
import { parseListed, TreeCounter } from "../tree.ts";

/** Starts a command line on the host. */
export type Start = (command: string) => Promise<StartedCommand>;

/** Returns what is at a path behind the endpoint's command; links are followed. */
export async function shellFacts(start: Start, end: ShellEndpoint): Promise<FileFacts> {
  const stream = await run(start, end, statScript(absolutePath(end)));
  try {
    const [kind, facts] = await readHeader(stream, end);
    const kinds = { S: "file", D: "directory" } as const;
    return { ...facts, path: end.path, kind: kind === "S" || kind === "D" ? kinds[kind] : "other" };
  } finally {
    await stream.close();
  }
}

/** Opens a regular file, or a part of it. */
export async function openShellSource(
  start: Start,
  end: ShellEndpoint,
  maxBytes: number,
  range?: ByteRange,
): Promise<Source & { readonly facts: FileFacts }> {
  const script = readScript(absolutePath(end), maxBytes, range?.start ?? 0, range?.end);
  const stream = await run(start, end, script);
  try {
    const [, facts, identity] = await readHeader(stream, end, maxBytes);
    const size = facts.size === 0 ? undefined : facts.size;
    const wanted = Math.max(
      0,
      Math.min(range?.end ?? facts.size, facts.size) - (range?.start ?? 0),
    );
    const hash = Promise.withResolvers<string | undefined>();
    hash.promise.catch(() => {});
    return {
      facts: { ...facts, kind: "file", path: end.path },
      size: range === undefined ? size : wanted,
      path: end.path,
      chunks: () =>
        content(stream, {
          ...{ end, size: size === undefined ? undefined : wanted },
          ...{ identity: range === undefined ? identity : undefined, onHash: hash.resolve },
        }),
      remoteSha256: () =>
        range === undefined && size !== undefined ? hash.promise : Promise.resolve(undefined),
      async close() {
        hash.resolve(undefined);
        await stream.close();
      },
    };
  } catch (error) {
    await stream.close();
    throw error;
  }
}

/** Lists everything below a directory; links are listed and not followed. */
export async function shellTree(
  start: Start,
  end: ShellEndpoint,
  limits: TreeLimits,
  signal: AbortSignal,
): Promise<TreeEntry[]> {
  const stream = await run(start, end, listScript(absolutePath(end)));
  const counter = new TreeCounter(end.path, limits);
  const entries: TreeEntry[] = [];
  const readLine = () => abortable(stream.readLine(), signal);
  try {
    await abortable(readHeader(stream, end), signal);
    for (let line = await readLine(); line !== undefined; line = await readLine()) {
      const entry = parseListed(line);
      if (entry === undefined) continue;
      counter.add(entry);
      entries.push(entry);
    }
    const code = await stream.exitCode();
    if (code === undefined) throw connectionLost(`the list of ${end.path}`);
    // Exit code 1 only means that an entry disappeared while it was listed.
    if (code >= CANNOT_RUN) throw listFailed(end, stream.stderr);
    return entries;
  } finally {
    await stream.close();
  }
}

/** The shell's exit code if a program cannot be run; codes above it mean that it was killed. */
const CANNOT_RUN = 126;

/** Opens a directory as a tar stream. */
export async function openShellTree(start: Start, end: ShellEndpoint): Promise<CommandStream> {
  const stream = await run(start, end, tarScript(absolutePath(end)));
  try {
    await readHeader(stream, end);
    return stream;
  } catch (error) {
    await stream.close();
    throw error;
  }
}

/** Creates a temporary file of a known size that {@linkcode Sink.commit} renames to the endpoint's path. */
export async function openShellSink(
  start: Start,
  end: ShellEndpoint,
  size: number,
  options: SinkOptions,
): Promise<Sink> {
  const path = absolutePath(end);
  const script = writeScript({
    path,
    temporaryName: temporaryName(posix.basename(path)),
    size,
    ...options,
  });
  const stream = await run(start, end, script);
  const reply = await readReply(stream, end).catch(async (error) => {
    await stream.close();
    throw error;
  });
  if (reply !== "K") {
    await stream.close();
    throw shellFileError(reply, end, 0);
  }
  const sink = {
    path,
    keptMode: undefined as number | undefined,
    async write(chunk: Uint8Array) {
      if (await stream.write(chunk)) return;
      // The script has ended early, and its last line is the reason, such as a full disk.
      throw shellFileError(await readReply(stream, end), end, 0);
    },
    async commit(finished: Finished): Promise<Proof> {
      const [, hash, wanted = "", has = ""] = (await commit(stream, end, size, finished)).split(
        " ",
      );
      const mode = Number.parseInt(has, 8);
      if (mode !== Number.parseInt(wanted, 8)) sink.keptMode = mode;
      return hash === "-" ? "size" : "sha256";
    },
    discard: () => stream.close(),
  };
  return sink;
}

/** Returns the script's last line. */
async function commit(
  stream: CommandStream,
  end: ShellEndpoint,
  size: number,
  finished: Finished,
): Promise<string> {
  if (finished.size !== size) {
    throw verificationFailed(end.path, `${finished.size} bytes instead of ${size}`);
  }
  await stream.write(new TextEncoder().encode(`${finished.sha256}\n`));
  stream.endInput();
  const reply = await readReply(stream, end);
  if (!reply.startsWith("D ")) throw shellFileError(reply, end, 0);
  await stream.close();
  return reply;
}

/** Starts a script behind the endpoint's command. */
export async function run(
  start: Start,
  end: ShellEndpoint,
  script: string,
): Promise<CommandStream> {
  return new CommandStream(await start(scriptLine(end.prefix, script)));
}

/** Reads the script's first line. @throws the error that the line reports */
async function readHeader(
  stream: CommandStream,
  end: ShellEndpoint,
  maxBytes = Infinity,
): Promise<[string, Pick<FileFacts, "size" | "mode" | "mtimeMs">, string]> {
  const line = await readReply(stream, end);
  const [kind = "", size = "", mode = "", mtime = "", identity = ""] = line.split(" ");
  if (kind === "E") throw shellFileError(line, end, maxBytes);
  return [kind, {
    size: Number(size),
    mode: Number.parseInt(mode, 16) & 0o7777,
    mtimeMs: Number(mtime) * 1000,
  }, identity];
}

/** Returns the next line of a script. @throws RemoteExecError that says why none came */
export async function readReply(stream: CommandStream, end: ShellEndpoint): Promise<string> {
  const line = await stream.readLine();
  if (line === undefined) throw await unreachableError(stream, end);
  return line;
}

/** Returns the error for a script whose output ended before it was complete. */
export async function endedEarly(
  stream: CommandStream,
  end: ShellEndpoint,
): Promise<RemoteExecError> {
  const code = await stream.exitCode();
  if (code === undefined) return connectionLost(`the transfer of ${end.path}`);
  return new RemoteExecError(
    "io_error",
    `The transfer of ${printable(end.path)} was stopped there (exit code ${code})${
      stream.stderr === "" ? "" : `: ${oneLine(stream.stderr)}`
    }`,
    "Try again; if it fails again, look for the reason in the log of the host",
  );
}

async function unreachableError(
  stream: CommandStream,
  end: ShellEndpoint,
): Promise<RemoteExecError> {
  const code = await stream.exitCode();
  if (code === undefined) return connectionLost(`the transfer of ${end.path}`);
  const missing = /^lxc-attach: .* - Failed to exec "([^"]*)"/m.exec(stream.stderr)?.[1];
  if (missing !== undefined) return toolMissing(end, missing);
  const said = oneLine(stream.stderr) || "no error message";
  return new RemoteExecError(
    "invalid_state",
    `Cannot reach ${end.label}: ${said} (exit code ${code})`,
    "Check that it exists and is running",
  );
}

interface Content {
  readonly end: ShellEndpoint;
  /** Undefined if the content runs to the end of the output. */
  readonly size: number | undefined;
  /** Device and inode before the content was read, empty if the host cannot report them; undefined for a part. */
  readonly identity: string | undefined;
  readonly onHash: (hash: string | undefined) => void;
}

/** @throws RemoteExecError `changed` if the file was replaced or became shorter while it was being read */
async function* content(
  stream: CommandStream,
  { end, size, identity, onHash }: Content,
): AsyncGenerator<Uint8Array> {
  let left = size ?? Infinity;
  while (left > 0) {
    const chunk = await stream.read(left);
    if (chunk === undefined) {
      // Of a file in /proc or /sys, the end says nothing: it may not be readable at all.
      if (size === undefined && await stream.exitCode() !== 0) throw await endedEarly(stream, end);
      return onHash(undefined);
    }
    left -= chunk.length;
    yield chunk;
  }
  if (identity === undefined) return onHash(undefined);
  const [hash, after] = [await stream.readLine(), await stream.readLine()];
  if (after === undefined) {
    const code = await stream.exitCode();
    // A shorter file: its content was followed by these lines.
    throw code === 0 ? changedWhileRead(end.path) : await endedEarly(stream, end);
  }
  const [, identityAfter = ""] = /^I (.*)$/.exec(after) ?? [];
  const isSame = identity === "" || identity === identityAfter;
  if (!isSame || !hash?.startsWith("H ") || !after.startsWith("I ")) {
    throw changedWhileRead(end.path);
  }
  onHash(/^H ([0-9a-f]{64})\b/.exec(hash)?.[1]);
}

/** Returns the path as scripts use it. @throws RemoteExecError `invalid_argument` */
export function absolutePath({ path }: ShellEndpoint): string {
  checkRemotePath(path);
  // Relative paths start at the root directory behind the command.
  return path.startsWith("/") ? path : `/${path}`;
}
