/**
 * Returns a function that calls `load` on its first call, and returns that result on each. After a failure the
 * next call loads again: a module may only have met a process without a free file descriptor.
 */
export function loadedOnce<Value>(load: () => Promise<Value>): () => Promise<Value> {
  let loaded: Promise<Value> | undefined;
  return () =>
    loaded ??= load().catch((error) => {
      loaded = undefined;
      throw error;
    });
}
