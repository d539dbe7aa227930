import { errorText } from "../../../errors.ts";

/** Why a session could not be opened. `sent` tells whether the command may have reached the host. */
export class SessionFailure extends Error {
  override readonly name = "SessionFailure";
  constructor(
    readonly reason: "full" | "gone" | "refused",
    readonly sent: boolean,
    cause: unknown,
  ) {
    super(errorText(cause), { cause });
  }
}

/** What ssh2's error of opening a session means. @param alive the connection still stands */
export function failureReason(error: Error, alive: boolean): SessionFailure["reason"] {
  if (/channel open failure/i.test(error.message)) return "full";
  return alive && !/no response|not connected/i.test(error.message) ? "refused" : "gone";
}

/** Has the connection as many sessions as the host allows? */
export const isFull = (error: unknown): boolean =>
  error instanceof SessionFailure && error.reason === "full";

/** Not even one session is allowed. */
export const noSessions = () =>
  new SessionFailure("refused", false, "it allows no sessions (MaxSessions)");
