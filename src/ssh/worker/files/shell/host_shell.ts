import { RemoteExecError } from "../../../../errors.ts";
import { type HostAccess, hostPath } from "../host_files.ts";
import { absolutePath } from "../sftp/limited_sftp.ts";
import { HOST_LABEL, noneIfUnsupported, type ShellEndpoint } from "../remote_file_errors.ts";
import { run, type Start } from "./shell_files.ts";

/** The host itself, behind its shell. */
const HOST_END = { kind: "shell", prefix: "exec", label: HOST_LABEL, path: "/" } as const;

/** Turns files of the host into files behind its shell. */
export class HostShell {
  readonly #access: (signal: AbortSignal) => Promise<HostAccess>;
  /** Where relative paths start, once it is known. */
  #startDirectory: string | undefined;

  /** @param access opens SFTP */
  constructor(access: (signal: AbortSignal) => Promise<HostAccess>) {
    this.#access = access;
  }

  /** Returns the endpoint of a file. @param start starts a command line as the login */
  async end(path: string, start: Start, signal: AbortSignal): Promise<ShellEndpoint> {
    const relative = hostPath(path);
    if (relative.startsWith("/")) return { ...HOST_END, path: relative };
    this.#startDirectory ??= await this.#findStart(start, signal);
    const root = this.#startDirectory.replace(/\/$/, "");
    return { ...HOST_END, path: relative === "." ? root || "/" : `${root}/${relative}` };
  }

  /** Start-up files may change a shell's directory, so SFTP is asked first. */
  async #findStart(start: Start, signal: AbortSignal): Promise<string> {
    const access = await this.#access(signal).catch(noneIfUnsupported);
    if (access !== undefined) return await absolutePath(access.sftp, ".");
    const directory = await lineOf(start, "cd 2>/dev/null; pwd");
    if (directory?.startsWith("/")) return directory;
    throw noStartDirectory();
  }
}

/** Reports whether scripts run on the host. */
export const hasShell = async (start: Start): Promise<boolean> =>
  await lineOf(start, "echo shell") === "shell";

/** Runs a script on the host and returns its first line; undefined if the host runs no commands. */
async function lineOf(start: Start, script: string): Promise<string | undefined> {
  const stream = await run(start, HOST_END, script).catch(noneIfUnsupported);
  if (stream === undefined) return undefined;
  try {
    stream.endInput();
    return await stream.readLine();
  } finally {
    await stream.close();
  }
}

const noStartDirectory = () =>
  new RemoteExecError(
    "unsupported",
    "Cannot resolve a relative path: the host offers no SFTP, and its shell does not say where it starts",
    "Use an absolute path",
  );
