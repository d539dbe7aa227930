import { errorText, RemoteExecError } from "../errors.ts";

/** Nothing answered at the address, or the connection could not be made. */
export const hostUnreachable = (host: string, port: number, cause: unknown, seen: string) =>
  new RemoteExecError(
    "unreachable",
    `SSH connection failed to ${host}:${port}: ${seen}`,
    "Check HOST and SSH_PORT, then that the host is up and its firewall lets this machine in",
    { cause },
  );

/** The host refused every way to log in that is configured. */
export const authenticationFailed = (user: string, host: string, port: number, method: string) =>
  new RemoteExecError(
    "authentication_failed",
    `Authentication failed for ${user}@${host}:${port} (tried: ${method})`,
    `Check SSH_USERNAME${LOGIN_CHECKS.get(method) ?? AGENT_CHECK}; try by hand: ssh ${
      method === "key" ? "-i SSH_KEY " : ""
    }-p ${port} ${user}@${host}`,
  );

const LOGIN_CHECKS: ReadonlyMap<string, string> = new Map([
  ["key", ", and that the public half of SSH_KEY is in its authorized_keys on the host"],
  ["password", " and SSH_PASSWORD, or set SSH_KEY (many hosts take no password from root)"],
]);
const AGENT_CHECK =
  ", and with `ssh-add -l` that the agent at SSH_AUTH_SOCK runs and holds a key of that user";

/** The key file cannot be used. */
export const keyUnusable = (path: string, reason: string, suggestion: string) =>
  new RemoteExecError(
    "private_key",
    `Failed to load private key from ${path}: ${reason}`,
    suggestion,
  );

/** The time limit ran out before the command was handed to the host. */
export const noChannelInTime = (limitMs: number) =>
  new RemoteExecError(
    "timeout",
    `No SSH session was free within ${limitMs / 1000} seconds`,
    "Raise the timeout, or wait until other commands have ended",
  );

/** The connection ended while something was under way. */
export const connectionLost = (what: string) =>
  new RemoteExecError(
    "connection_lost",
    `The SSH connection was lost during ${what}`,
    "Check the network and the host, then call the tool again",
  );

/** The host does not offer what is needed. */
export const notOffered = (what: string, seen: string) =>
  new RemoteExecError(
    "unsupported",
    `The host does not offer ${what}: ${seen}`,
    "Enable it in the host's sshd_config",
  );

/** What the host said about a file, as a person reads it. */
export function remoteFileError(action: string, path: string, cause: unknown): RemoteExecError {
  if (cause instanceof RemoteExecError) return cause;
  const status = (cause as { code?: unknown }).code; // ssh2 puts the SFTP status there
  const text = errorText(cause);
  // ssh2's words for requests whose answer cannot come any more.
  if (/no response from server|not connected/i.test(text)) return connectionLost("a transfer");
  if (status === 2) {
    return new RemoteExecError(
      "not_found",
      `Cannot ${action} ${path}: no such file or directory on the host`,
      "Check the path with ssh_exec_command, for example `ls -la`",
    );
  }
  if (status === 3) {
    return new RemoteExecError(
      "not_permitted",
      `Cannot ${action} ${path}: permission denied on the host`,
      "Check owner and mode of the file and its directory, or use another SSH_USERNAME",
    );
  }
  if (/no space|quota/i.test(text)) {
    return new RemoteExecError(
      "disk_full",
      `Cannot ${action} ${path}: no space left on the host`,
      "Free space on the host (`df -h`), then try again",
    );
  }
  // OpenSSH answers a full disk and every other trouble of the disk with this one word.
  const seen = status === 4 && text === "Failure"
    ? "the host reports a failure without its reason, often a full disk or quota"
    : text;
  return new RemoteExecError(
    "io_error",
    `Cannot ${action} ${path}: ${seen}`,
    "Check space and permissions on the host (`df -h`, `ls -la`)",
    { cause },
  );
}

export const remoteMissing = (path: string) =>
  new RemoteExecError(
    "not_found",
    `Remote file does not exist or is not accessible: ${path}`,
    "Check the path with ssh_exec_command, for example `ls -la`",
  );

export const remoteExists = (path: string) =>
  new RemoteExecError(
    "already_exists",
    `Remote file already exists: ${path}. Use overwrite=true to force overwrite.`,
    "Set overwrite=true to replace it, or choose another remote_path",
  );

export const localExists = (path: string) =>
  new RemoteExecError(
    "already_exists",
    `Local file already exists: ${path}. Use overwrite=true to force overwrite.`,
    "Set overwrite=true to replace it, or choose another local_path",
  );

export const notAFile = (where: string, path: string, kind: string) =>
  new RemoteExecError(
    kind === "directory" ? "is_directory" : "not_a_file",
    `${where} path is not a regular file but a ${kind}: ${path}`,
    kind === "directory"
      ? "Name a file; pack a directory first, for example with tar"
      : "Name a regular file",
  );

/** `where` is "File" or "Remote file", as the messages have it. */
export const tooLarge = (where: string, bytes: number, maxBytes: number) =>
  new RemoteExecError(
    "too_large",
    `${where} too large (${megabytes(bytes)}MB). Maximum allowed size is ${megabytes(maxBytes)}MB.`,
    "Raise MAX_FILE_SIZE (bytes), or transfer a smaller part of it",
  );

export const verificationFailed = (path: string, seen: string) =>
  new RemoteExecError(
    "verification_failed",
    `The copy of ${path} does not equal its source and was discarded: ${seen}`,
    "Try again; if it happens again, check whether the file is being written to, and the disks",
  );

/** Sizes in messages have one decimal place, like the limit they are compared with. */
const megabytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1);
