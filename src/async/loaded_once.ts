/**
 * Returns a function that calls `load` once and returns its result on every call. After a failure, the next call
 * loads again: the process may only have had no free file descriptor.
 */
export function loadedOnce<Value>(load: () => Promise<Value>): () => Promise<Value> {
  let loaded: Promise<Value> | undefined;
  return () =>
    loaded ??= load().catch((error) => {
      loaded = undefined;
      throw error;
    });
}
