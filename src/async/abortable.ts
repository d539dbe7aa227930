/**
 * The promise, or the signal's reason as soon as it is aborted.
 *
 * @param undo gets what comes all the same after that
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
