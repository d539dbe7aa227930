/**
 * Returns the promise's value, or rejects with the signal's reason as soon as the signal is aborted.
 * The work behind the promise goes on.
 *
 * @param undo called with a value that arrives after the abort, for example to close it
 * @throws the signal's reason, or what the promise rejects with
 */
export async function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  undo: (late: T) => unknown = () => {},
): Promise<T> {
  const abandon = () => void promise.then(undo).catch(() => {});
  if (signal.aborted) {
    abandon();
    throw signal.reason;
  }
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } catch (error) {
    abandon();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
