import { oneLine, RemoteExecError } from "../../../errors.ts";
import { MISSING } from "./root_line.ts";

/** What sudo's messages mean, in the C locale, and what helps. The first that matches counts. */
const REASONS: readonly (readonly [RegExp, string, string])[] = [
  [
    new RegExp(`^${MISSING} \\S*doas`, "m"),
    "the host has doas instead of sudo",
    "Install sudo on the host, or log in as root",
  ],
  [
    new RegExp(`^${MISSING}`, "m"),
    "the host has no sudo",
    "Install sudo on the host, or log in as root",
  ],
  [
    /must have a tty/i,
    "its sudoers file requires a terminal (requiretty)",
    "Add `Defaults:USER !requiretty` for the login to sudoers on the host",
  ],
  [
    /parse error|syntax error|no valid sudoers/i,
    "its sudoers file has errors",
    "Correct it on the host with `visudo`",
  ],
  [
    /not in the sudoers file|not allowed to|may not run sudo|afraid I can't do that/i,
    "the login may not run every command as root",
    "Allow it in sudoers on the host (`USER ALL=(root) ALL`), or call the tool without sudo",
  ],
  [
    /(account|password).*expired|change your password|account is locked|account validation/i,
    "the account or its password has expired or is locked",
    "Renew the password of the login on the host (`passwd`, `chage -l`)",
  ],
  [
    /setuid|no new privileges|effective uid is not 0/i,
    "sudo cannot become root there",
    "Check on the host that /usr/bin/sudo belongs to root with mode 4755, on a file system without nosuid",
  ],
  [
    /invalid option|unknown option|unrecognized option/i,
    "its sudo does not know the option -p",
    "Update sudo (sudo-rs) on the host",
  ],
];

/** sudo did not run the command. @param said what it has printed, without secrets */
export function sudoRefused(said: string, prompts: number, hasPassword: boolean): RemoteExecError {
  const known = REASONS.find(([pattern]) => pattern.test(said));
  if (known !== undefined) return refusal(known[1], said, known[2]);
  if (isWrongPassword(said, prompts, hasPassword)) return wrongPassword(said);
  if (
    prompts > 0 ||
    /password is required|authentication is required|terminal is required/i.test(said)
  ) {
    return refusal(
      "it asks for a password",
      said,
      hasPassword
        ? "Check on the host how sudo authenticates this login (`sudo -S true`)"
        : "Set SUDO_PASSWORD, or allow the login to use sudo without a password (NOPASSWD in sudoers)",
    );
  }
  return refusal(
    "it ended before the command",
    said,
    "Try `sudo true` on the host as the same login",
  );
}

/** Reports whether the password was sent and not accepted. A second prompt follows only a failed attempt. */
export const isWrongPassword = (said: string, prompts: number, hasPassword: boolean): boolean =>
  hasPassword && (prompts > 1 || prompts > 0 && !REASONS.some(([pattern]) => pattern.test(said)));

/** Later calls get this too: every attempt counts for a lock-out. */
export const wrongPassword = (said: string) =>
  refusal(
    "it does not accept SUDO_PASSWORD",
    said,
    "Correct SUDO_PASSWORD, or unlock the login (`faillock`), and restart the server; until then the password is not tried again",
  );

/** sudo asks for something other than the password. */
export const sudoAsks = (question: string) =>
  refusal(
    "it asks for something other than the password",
    question,
    "Allow the login to use sudo without that (NOPASSWD in sudoers, or its PAM configuration)",
  );

/** sudo did nothing for too long. */
export const sudoSilent = (limitMs: number) =>
  new RemoteExecError(
    "timeout",
    `sudo on the host did not start the command within ${limitMs / 1000} seconds; ` +
      "if it starts later, it is stopped, but a short command may have run by then",
    "Try `sudo true` on the host as the same login, or raise the timeout",
  );

/** Neither SUDO nor SUDO_PASSWORD is set. */
export const sudoNotConfigured = () =>
  new RemoteExecError(
    "not_configured",
    "sudo is not configured",
    "Set SUDO=true or SUDO_PASSWORD, or omit sudo",
  );

function refusal(reason: string, said: string, suggestion: string): RemoteExecError {
  // sudo repeats the command, which is long.
  const quoted = oneLine(said.replace(/(allowed to execute) '[^]*' as /, "$1 /bin/sh as "));
  return new RemoteExecError(
    "sudo_refused",
    `sudo did not run the command: ${reason}${quoted === "" ? "" : ` (${quoted})`}`,
    suggestion,
  );
}
