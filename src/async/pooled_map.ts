/**
 * Applies `work` to every item, at most `width` at the same time, and returns the results in the
 * order of the items. After a failure no more work is started.
 *
 * @throws the first error of `work`
 */
export async function pooledMap<In, Out>(
  items: readonly In[],
  width: number,
  work: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results: Out[] = [];
  const entries = items.entries();
  let hasFailed = false;
  const lane = async () => {
    // The lanes share one iterator, so each item is taken once.
    for (const [index, item] of entries) {
      if (hasFailed) return;
      results[index] = await work(item).catch((error) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}
