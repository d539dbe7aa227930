import { oneLine, printable, RemoteExecError } from "../../../../errors.ts";
import { directoryProtocol, notADirectory } from "../../../directories/errors.ts";
import { connectionLost } from "../../../errors.ts";
import type { CommandStream } from "../../commands/command_stream.ts";

/** For messages. */
export const COPY = "the copy of a directory";

/** What the messages name of a directory on the host. */
interface Place {
  readonly prefix: string;
  readonly path: string;
  readonly label: string;
}

/** Returns the error for a script that does not begin with a list. */
export async function headError(
  stream: CommandStream,
  [letter = "", kind = "", detail = ""]: readonly string[],
  { prefix, path, label }: Place,
): Promise<RemoteExecError> {
  if (letter !== "E") {
    return await notStarted(stream, prefix === "" ? "unsupported" : "invalid_state", label);
  }
  if (kind === "special") return notADirectory("Remote", path);
  if (kind === "denied") {
    return new RemoteExecError(
      "not_permitted",
      `Cannot read the directory ${printable(path)} on ${label}: permission denied`,
      "Check owner and mode of the directory, or use another SSH_USERNAME",
    );
  }
  return new RemoteExecError(
    "unsupported",
    `Cannot copy the directory ${printable(path)}: ${label} has no program "${printable(detail)}"`,
    "Install it there, or pack the directory into one file",
  );
}

/** The script itself always begins with a line. */
async function notStarted(
  stream: CommandStream,
  code: "unsupported" | "invalid_state",
  label: string,
): Promise<RemoteExecError> {
  const exitCode = await stream.exitCode();
  if (exitCode === undefined) return connectionLost(COPY);
  const said = oneLine(stream.stderr) || "no error message";
  return new RemoteExecError(
    code,
    `Cannot reach ${label}: ${said} (exit code ${exitCode})`,
    "Check that it exists and is running",
  );
}

/** The staging directory could be made neither beside the directory nor in it. */
export const notWritable = ({ path, label }: Place, said: string) =>
  new RemoteExecError(
    "not_permitted",
    `Cannot write to the directory ${printable(path)} on ${label}: ${
      oneLine(said.split("\n").find((line) => /denied|read-only/i.test(line)) ?? said)
    }`,
    "Check owner and mode of the directory, or choose one that this login may write",
  );

/** Returns the error for a script that ended within an answer. */
export async function endedEarly(stream: CommandStream): Promise<RemoteExecError> {
  const code = await stream.exitCode();
  return code === undefined
    ? connectionLost(COPY)
    : directoryProtocol(stream.stderr || `exit code ${code}`);
}
