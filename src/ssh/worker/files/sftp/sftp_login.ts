import { Buffer } from "node:buffer";
import type { LoginKind } from "../../connection/host_traits.ts";
import type { Sftp } from "./sftp.ts";
import { SessionBlocked } from "./sftp_queue.ts";

/** An environment is rarely larger. */
const MAX_BYTES = 65_536;

/** What a running SFTP session shows about the host's login. */
export interface SftpLogin {
  readonly login: LoginKind;
  /** True for Linux on x86-64, whose pages have 4 KiB; see `padded`. */
  readonly isLinux: boolean;
  /**
   * True if a command of ours could at worst reach an SFTP server again: if the SSH server serves SFTP
   * itself, and on a host without `/proc`, where nothing more can be found out.
   */
  readonly mayTry: boolean;
}

/**
 * Finds out from a running SFTP session whether the host's login is forced, without starting anything:
 * the environment of `sftp-server`, or of the shell that started it, names the original command exactly
 * if another one was forced.
 *
 * Source: sshd session.c do_setup_env; proc(5) `environ`, `stat`, `comm`.
 */
export async function loginOfSftp(sftp: Sftp): Promise<SftpLogin> {
  const [own, status, name, version, loader] = await Promise.all([
    readText(sftp, "/proc/self/environ"),
    readText(sftp, "/proc/self/stat"),
    readText(sftp, "/proc/self/comm"),
    readText(sftp, "/proc/version"),
    sftp.stat("/lib64/ld-linux-x86-64.so.2").then(() => true, () => false),
  ]);
  // sftp-server hides its environment from its own user; its parent may be a shell that does not.
  const parent = /\) \S (\d+) /.exec(status)?.[1];
  const shells = own === "" && parent !== undefined
    ? await readText(sftp, `/proc/${parent}/environ`)
    : "";
  return {
    login: loginOf(own) ?? loginOf(shells) ?? "unknown",
    isLinux: loader && version.startsWith("Linux "),
    mayTry: name.trim() !== "sftp-server",
  };
}

/** Returns undefined for the environment of another program than a child of sshd. */
function loginOf(environment: string): LoginKind | undefined {
  if (!/(^|\0)SSH_CONNECTION=/.test(environment)) return undefined;
  return /(^|\0)SSH_ORIGINAL_COMMAND=/.test(environment) ? "forced" : "free";
}

/** Returns an empty text for a file that cannot be read. */
async function readText(sftp: Sftp, path: string): Promise<string> {
  try {
    const handle = await sftp.open(path, "r");
    try {
      const chunks: string[] = [];
      for await (const chunk of sftp.read(handle, MAX_BYTES)) {
        chunks.push(Buffer.from(chunk).toString("latin1"));
      }
      return chunks.join("");
    } finally {
      sftp.close(handle).catch(() => {});
    }
  } catch (error) {
    if (error instanceof SessionBlocked) throw error;
    return "";
  }
}
