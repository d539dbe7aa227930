// @ts-types="@types/ssh2"
import type { Client, SFTPWrapper } from "ssh2";
import { failureReason, SessionFailure } from "./session_failure.ts";

/** What opening SFTP has to know of its connection. */
export interface SftpSurroundings {
  /** Closes the connection when it says nothing; gives a function that stops watching. */
  watchSilence(onSilence: () => void): () => void;
  isAlive(): boolean;
  /** Called at once: its end may be in the same packet. */
  onStart(sftp: SFTPWrapper): void;
}

/** Opens an SFTP session. @throws SessionFailure */
export function requestSftp(
  client: Client,
  { watchSilence, isAlive, onStart }: SftpSurroundings,
): Promise<SFTPWrapper> {
  const { promise, resolve, reject } = Promise.withResolvers<SFTPWrapper>();
  const fail = (reason: SessionFailure["reason"], cause: unknown) =>
    reject(new SessionFailure(reason, false, cause));
  const stopWatching = watchSilence(() => fail("gone", "the host does not answer"));
  try {
    client.sftp((error, sftp) => {
      if (error) return fail(failureReason(error, isAlive()), error);
      onStart(sftp);
      resolve(sftp);
    });
  } catch (error) {
    fail("gone", error);
  }
  return promise.finally(stopWatching);
}

/** Asks the SFTP session something to see whether it still answers. */
export async function answers(
  sftp: SFTPWrapper,
  watchSilence: SftpSurroundings["watchSilence"],
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  // ssh2 leaves a request that comes just after the session's end without an answer.
  const stopWatching = watchSilence(() => resolve(false));
  const onClose = () => resolve(false);
  sftp.once("close", onClose);
  sftp.realpath(".", (error) => resolve(!error));
  return await promise.finally(() => {
    stopWatching();
    sftp.removeListener("close", onClose);
  });
}
