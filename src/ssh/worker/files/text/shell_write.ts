import { createHash } from "node:crypto";
import { posix } from "node:path";
import { abortable } from "../../../../async/abortable.ts";
import { cancelling } from "../../../../async/cancelling.ts";
import { stallLimit } from "../../../../async/stall_limit.ts";
import { deadline } from "../../../../async/deadline.ts";
import { printable, RemoteExecError } from "../../../../errors.ts";
import type { ExecOutcome, ExecRequest } from "../../../port.ts";
import type { ContentOutcome, ContentRequest, Lost } from "../../../text/port.ts";
import type { CommandStream } from "../../commands/command_stream.ts";
import { stalled } from "../copy.ts";
import { writeScript } from "../shell/write_script.ts";
import { type ShellEndpoint, shellFileError } from "../remote_file_errors.ts";
import { absolutePath, readReply, run, type Start } from "../shell/shell_files.ts";
import { temporaryName } from "../temporary_files.ts";

/** What writing through a shell needs in addition to the request. */
export interface ShellWriteContext {
  /** The file is on the host itself, so a new one gets its mode by the login's umask. */
  readonly isHost: boolean;
  readonly stallMs: number;
  readonly signal: AbortSignal;
  exec(check: ExecRequest): Promise<ExecOutcome>;
}

/** Larger writes gain nothing. */
const PIECE_BYTES = 65_536;

/** Writes a file with one command, and runs the check while the command keeps the old file. */
export async function shellWrite(
  start: Start,
  end: ShellEndpoint,
  request: ContentRequest,
  { isHost, stallMs, signal, exec }: ShellWriteContext,
): Promise<ContentOutcome> {
  const { bytes, check } = request;
  const path = absolutePath(end);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const base = posix.basename(path);
  const script = writeScript({
    path,
    temporaryName: temporaryName(base),
    size: bytes.length,
    overwrite: request.overwrite,
    mode: request.mode,
    usesUmask: isHost,
    parents: request.parents,
    expectSha256: request.expectSha256,
    keepsAttributes: true,
    undoName: check === undefined ? undefined : temporaryName(base, "old"),
  });
  using stall = stallLimit(stallMs, { signal: cancelling(signal), late: stalled });
  const stream = await run(start, end, script);
  try {
    await expectReply(stream, end, "K", stall.signal);
    await send(stream, bytes, () => stall.moved(), stall.signal);
    await stream.write(line(sha256));
    if (check === undefined) {
      stream.endInput();
      const reply = await expectReply(stream, end, "D", stall.signal);
      return { ...written(path, sha256, reply), isKept: true };
    }
    await expectReply(stream, end, "P", stall.signal);
    return await checked(stream, end, { path, sha256, stallMs }, () => exec(check));
  } finally {
    await stream.close();
  }
}

/** Runs the check. Also after a cancellation, the script hears what to do. */
async function checked(
  stream: CommandStream,
  end: ShellEndpoint,
  { path, sha256, stallMs }: {
    readonly path: string;
    readonly sha256: string;
    readonly stallMs: number;
  },
  run: () => Promise<ExecOutcome>,
): Promise<ContentOutcome> {
  const check = await run().catch((error: unknown) => ({ error }));
  const isPassed = !("error" in check) && check.ending === "exit" && check.exitCode === 0;
  const answer = async () => {
    await stream.write(line(isPassed ? "keep" : "undo"));
    stream.endInput();
    return await readReply(stream, end);
  };
  const reply = await deadline(answer(), stallMs, { late: stalled }).catch((error) => {
    throw isLost(error) ? lostInCheck(path, error) : error;
  });
  if (reply.split(" ")[0] !== (isPassed ? "D" : "U")) throw shellFileError(reply, end, 0);
  if ("error" in check) throw check.error;
  return { ...written(path, sha256, reply), check, isKept: isPassed };
}

const isLost = (error: unknown): boolean =>
  error instanceof RemoteExecError && error.code === "connection_lost";

/** The host puts the old file back when the connection ends. */
const lostInCheck = (path: string, cause: unknown) =>
  new RemoteExecError(
    "connection_lost",
    `The SSH connection was lost during the check; ${
      printable(path)
    } gets its old content back unless the check had passed`,
    "Read the file with ssh_read_file to see which content it has",
    { cause },
  );

async function send(
  stream: CommandStream,
  bytes: Uint8Array,
  moved: () => void,
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    // The script has ended early; its last line says why.
    if (!await abortable(stream.write(bytes.subarray(at, at + PIECE_BYTES)), signal)) return;
    moved();
  }
}

/** Returns the script's next line. @throws the error that the line reports */
async function expectReply(
  stream: CommandStream,
  end: ShellEndpoint,
  word: string,
  signal: AbortSignal,
): Promise<string> {
  const reply = await abortable(readReply(stream, end), signal);
  if (reply.split(" ")[0] === word) return reply;
  if (reply === "") {
    throw new RemoteExecError("io_error", "The host sent an empty answer", "Try again");
  }
  throw shellFileError(reply, end, 0);
}

/** Reads `D SHA256 WANTED HAS IS_NEW LOST…`. */
function written(
  path: string,
  sha256: string,
  reply: string,
): Omit<ContentOutcome, "isKept"> {
  const [, hash = "-", wanted = "", has = "", isNew, ...lost] = reply.split(" ");
  const mode = Number.parseInt(has, 8);
  const modeLost: Lost[] = mode === Number.parseInt(wanted, 8) ? [] : ["mode"];
  return {
    // After a check, the hash of what it has left.
    sha256: /^[0-9a-f]{64}$/.test(hash) ? hash : sha256,
    verified: hash === "-" ? "size" : "sha256",
    path,
    created: isNew === "1",
    mode: Number.isNaN(mode) ? undefined : mode,
    lost: [...modeLost, ...LOSSES.filter((each) => lost.includes(each))],
  };
}

const LOSSES: readonly Lost[] = ["owner", "acl", "links"];

const line = (text: string): Uint8Array => new TextEncoder().encode(`${text}\n`);
