import type { TreeItem } from "../tree_item.ts";

/** Files of one batch together; a larger file is a batch of its own. */
const MAX_BYTES = 64_000_000;
/** The paths of a batch must fit into one call of a program. */
const MAX_PATH_BYTES = 60_000;

/**
 * Cuts a list of files into batches. Each is verified and gets its names while the next one is sent, and
 * what a broken copy has finished need not be sent again.
 */
export function batchesOf(items: readonly TreeItem[]): TreeItem[][] {
  const batches: TreeItem[][] = [];
  let [bytes, pathBytes] = [Infinity, 0];
  for (const item of items) {
    const length = item.path.length * 3 + 4;
    if (bytes + item.size > MAX_BYTES || pathBytes + length > MAX_PATH_BYTES) {
      batches.push([]);
      [bytes, pathBytes] = [0, 0];
    }
    batches.at(-1)?.push(item);
    bytes += item.size;
    pathBytes += length;
  }
  return batches;
}
