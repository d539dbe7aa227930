import { errorText, oneLine, printable, RemoteExecError } from "../errors.ts";

/** Nothing responds at the address, or the connection failed. `seen` is the cause as text. */
export const hostUnreachable = (
  host: string,
  port: number,
  cause: unknown,
  seen: string,
  remedy =
    "Check HOST and SSH_PORT, that the host is up, and that its firewall allows this machine",
) =>
  new RemoteExecError(
    "unreachable",
    `SSH connection failed to ${host}:${port}: ${oneLine(seen)}`,
    remedy,
    { cause },
  );

/** Host and client have no method in common. `what` is ssh2's name for its kind. */
export const noCommonMethod = (host: string, port: number, what: string) =>
  new RemoteExecError(
    "unsupported",
    `SSH connection failed to ${host}:${port}: no common ${what}`,
    "Update the host's SSH server, or allow a current method in its sshd_config (curve25519-sha256, " +
      "ssh-ed25519, aes128-gcm@openssh.com, hmac-sha2-256)",
  );

/** The login was accepted, but the host asks for another method too. */
export const secondFactorWanted = (
  user: string,
  host: string,
  port: number,
  methods: readonly string[],
) =>
  new RemoteExecError(
    "authentication_failed",
    `Authentication failed for ${user}@${host}:${port}: the login was accepted, but the host also wants ` +
      (methods.map(oneLine).join(" or ") || "a second factor"),
    "Allow this user one method in the host's sshd_config (`Match User`, `AuthenticationMethods publickey`), or use another SSH_USERNAME",
  );

/** The host ended the login after too many attempts. */
export const loginEnded = (user: string, host: string, port: number, method: string) =>
  new RemoteExecError(
    "authentication_failed",
    `Authentication failed for ${user}@${host}:${port}: the host ended the login after too many attempts (tried: ${method})`,
    method.startsWith("agent")
      ? "Set SSH_KEY to the one key of that user, or remove other keys from the agent (`ssh-add -d`)"
      : "Check SSH_USERNAME, SSH_KEY and SSH_PASSWORD, and MaxAuthTries of the host",
  );

/** The host closed the connection while it decided about the login. @param said what the host has said */
export const loginClosed = (user: string, host: string, port: number, said: string) =>
  new RemoteExecError(
    "authentication_failed",
    `Authentication failed for ${user}@${host}:${port}: the host closed the connection during the login${said}`,
    "Check on the host whether the account is expired, locked or excluded (`chage -l`, the log of sshd, /etc/nologin)",
  );

/**
 * The host refused the configured login. `method` is `key`, `password`, or the agent with its error.
 *
 * @param byHand the arguments of ssh for the suggestion, which a person can paste
 * @param said what the host has said, as the end of the message
 */
export const authenticationFailed = (
  user: string,
  host: string,
  port: number,
  method: string,
  byHand: string,
  said = "",
) =>
  new RemoteExecError(
    "authentication_failed",
    `Authentication failed for ${user}@${host}:${port} (tried: ${method})${said}`,
    `Check SSH_USERNAME${
      LOGIN_CHECKS.get(method) ?? (/^agent(:|$)/.test(method) ? AGENT_CHECK : KEYS_CHECK)
    }; try by hand: ssh ${byHand}; the host also refuses expired, locked and excluded accounts`,
  );

const LOGIN_CHECKS: ReadonlyMap<string, string> = new Map([
  ["key", ", and that the public key of SSH_KEY is in its authorized_keys on the host"],
  ["password", " and SSH_PASSWORD, or set SSH_KEY (many hosts refuse passwords for root)"],
]);
const KEYS_CHECK =
  ", and that one of these keys is in its authorized_keys on the host (SSH_KEY names another one)";
const AGENT_CHECK =
  ", and check with `ssh-add -l` that the agent at SSH_AUTH_SOCK runs and has a key of that user";

/** The key file cannot be used. */
export const keyUnusable = (path: string, reason: string, suggestion: string) =>
  new RemoteExecError(
    "private_key",
    `Failed to load private key from ${printable(path)}: ${reason}`,
    suggestion,
  );

/** The time limit expired before the command was sent to the host. */
export const noChannelInTime = (limitMs: number) =>
  new RemoteExecError(
    "timeout",
    `No SSH session was free within ${limitMs / 1000} seconds`,
    "Raise the timeout, or wait until other commands finish",
  );

/** The time limit expired while the host did not answer. `tried` is what has been seen. */
export const hostSilent = (limitMs: number, tried: RemoteExecError) =>
  new RemoteExecError(
    "timeout",
    `The host did not answer within ${limitMs / 1000} seconds. ${tried.message}`,
    tried.suggestion,
  );

/** The connection ended during `what`. */
export const connectionLost = (what: string) =>
  new RemoteExecError(
    "connection_lost",
    `The SSH connection was lost during ${what}`,
    "Check the network and the host, then call the tool again",
  );

/** The host closed the connection whenever a session was requested. `seen` is the last cause. */
export const sessionsLost = (count: number, seen: string) =>
  // ssh2 leaves the connection when a text begins with a byte over 127.
  /SFTP session termination/.test(seen) ? sessionRefused(seen) : new RemoteExecError(
    "connection_lost",
    `The host ended ${count} connections before the command could be sent: ${oneLine(seen)}`,
    "Check the log of the host's SSH server, and how many sessions it allows",
  );

/** The host does not offer a required feature. `seen` is its answer. */
export const notOffered = (what: string, seen: string) =>
  new RemoteExecError(
    "unsupported",
    `The host does not offer ${what}: ${oneLine(seen)}`,
    "Enable it in the host's sshd_config",
  );

/** The host did not begin a session. `seen` is the text of ssh2, which reads any output as SFTP. */
export function sessionRefused(seen: string): RemoteExecError {
  const [, code] = /exit code (\d+)/i.exec(seen) ?? [];
  if (code !== undefined) {
    return new RemoteExecError(
      "unsupported",
      `The host ended SFTP before it began (exit code ${code})`,
      "Run `true` with ssh_exec_command and read what it prints: the login shell may refuse, or the password " +
        "may have expired; otherwise check `Subsystem sftp` in the host's sshd_config",
    );
  }
  const [, length] = /packet length (\d+)/i.exec(seen) ?? [];
  if (length === undefined && !/packet|SFTP session termination/i.test(seen)) {
    return notOffered("this kind of session", seen);
  }
  return new RemoteExecError(
    "unsupported",
    `The host's login printed text where SFTP was expected${beginning(Number(length ?? 0))}`,
    "Run `true` with ssh_exec_command and read what it prints: the start-up files of SSH_USERNAME must print " +
      "nothing without a terminal, and its login shell must accept commands",
  );
}

/** Returns the words about a text whose first four bytes were read as a number. */
function beginning(number: number): string {
  const bytes = [24, 16, 8, 0].map((bits) => (number >>> bits) & 0xff);
  const text = String.fromCharCode(...bytes);
  return /^[ -~]{4}$/.test(text) ? `; it begins with "${text}"` : "";
}

/** The login shell ended before it ran a command of the server's own. `seen` is what it printed. */
export const commandNotRun = (exitCode: number, seen: string) =>
  new RemoteExecError(
    "unsupported",
    `The host's login shell did not run the command (exit code ${exitCode}): ${
      oneLine(seen) || "it printed nothing"
    }`,
    "Check the login shell, its start-up files and a forced command of SSH_USERNAME on the host",
  );

/** Turns ssh2's error for a file into one with a code and a readable message. */
export function remoteFileError(action: string, path: string, cause: unknown): RemoteExecError {
  if (cause instanceof RemoteExecError) return cause;
  const status = (cause as { code?: unknown }).code; // ssh2 stores the SFTP status there
  const text = errorText(cause);
  // ssh2 uses these texts for requests that can no longer be answered.
  if (/no response from server|not connected/i.test(text)) return connectionLost("a transfer");
  if (status === 2) {
    return new RemoteExecError(
      "not_found",
      `Cannot ${action} ${printable(path)}: no such file or directory on the host`,
      "Check the path with ssh_exec_command, for example `ls -la`",
    );
  }
  if (status === 3) {
    return new RemoteExecError(
      "not_permitted",
      `Cannot ${action} ${printable(path)}: permission denied on the host`,
      "Check owner and mode of the file and its directory, or use another SSH_USERNAME",
    );
  }
  if (/no space|quota/i.test(text)) {
    return new RemoteExecError(
      "disk_full",
      `Cannot ${action} ${printable(path)}: no space left on the host`,
      "Free space on the host (`df -h`), then try again",
    );
  }
  // OpenSSH reports a full disk and every other disk error with this one word.
  const seen = status === 4 && text === "Failure"
    ? "the host gave no reason; often its disk or a quota is full"
    : oneLine(text);
  return new RemoteExecError(
    "io_error",
    `Cannot ${action} ${printable(path)}: ${oneLine(seen)}`,
    "Check space and permissions on the host (`df -h`, `ls -la`)",
    { cause },
  );
}

export const remoteMissing = (path: string) =>
  new RemoteExecError(
    "not_found",
    `Remote file does not exist or is not accessible: ${printable(path)}`,
    path.includes("\ufffd")
      ? "A name that is not UTF-8 cannot be given here: rename or link the file on the host first"
      : "Check the path with ssh_exec_command, for example `ls -la`",
  );

export const remoteExists = (path: string) =>
  new RemoteExecError(
    "already_exists",
    `Remote file already exists: ${printable(path)}. Use overwrite=true to force overwrite.`,
    "Set overwrite=true to replace it, or choose another path",
  );

export const localExists = (path: string) =>
  new RemoteExecError(
    "already_exists",
    `Local file already exists: ${printable(path)}. Use overwrite=true to force overwrite.`,
    "Set overwrite=true to replace it, or choose another local_path",
  );

export const notAFile = (where: string, path: string, kind: string) =>
  new RemoteExecError(
    kind === "directory" ? "is_directory" : "not_a_file",
    `${where} path is a ${kind}, not a regular file: ${printable(path)}`,
    kind === "directory"
      ? "Name a file in it; other tools list or copy a directory"
      : "Name a regular file",
  );

/** The path to list is not a directory. */
export const notADirectory = (path: string) =>
  new RemoteExecError(
    "invalid_argument",
    `Cannot list ${printable(path)}: it is not a directory`,
    "Read the file with ssh_read_file, or name its directory",
  );

/** The path of a new file names a directory. */
export const endsInSlash = (path: string) =>
  new RemoteExecError(
    "invalid_argument",
    `Cannot write ${printable(path)}: the path ends in a slash`,
    "Add the name of the file to the directory",
  );

/** The caller asked for a mode that the host does not set. */
export const modeRefused = (path: string, wanted: number, kept: number) =>
  new RemoteExecError(
    "not_permitted",
    `Cannot set mode ${octalMode(wanted)} of ${printable(path)}: the host keeps ${octalMode(kept)}`,
    "Leave out permissions to accept the host's mode, or choose a directory on another file system",
  );

/** Formats permission bits as chmod takes them. */
const octalMode = (mode: number): string => mode.toString(8).padStart(4, "0");

/** @param where "File" or "Remote file": the first words of the message */
export const tooLarge = (where: string, bytes: number, maxBytes: number) =>
  new RemoteExecError(
    "too_large",
    `${where} too large (${megabytes(bytes)}MB). Maximum allowed size is ${megabytes(maxBytes)}MB.`,
    "Raise MAX_FILE_SIZE (bytes), or transfer only a part of the file",
  );

export const verificationFailed = (path: string, seen: string) =>
  new RemoteExecError(
    "verification_failed",
    `The copy of ${printable(path)} differs from its source and was discarded: ${oneLine(seen)}`,
    "Try again; if it fails again, check whether something writes to the file, then check the disks",
  );

/** Formats a size with one decimal place; size and limit in a message then look alike. */
const megabytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1);
