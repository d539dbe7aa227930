import type { ListedEntry, Listing, ListingRequest } from "../../../text/port.ts";

/** Directories with more entries are not listed completely. */
export const MAX_LISTED = 100_000;

/** What was found in a directory. */
export interface Found {
  readonly entries: readonly ListedEntry[];
  /** True if there is more. */
  readonly isCut: boolean;
}

/** Sorts entries by path and applies the limit: entries near the top are kept first. */
export function limited(
  { entries: found, isCut }: Found,
  { hidden, limit }: Pick<ListingRequest, "hidden" | "limit">,
  unreadable: readonly string[],
): Listing {
  const shown = hidden ? found : found.filter(({ path }) => !isHidden(path));
  const kept = [...shown].sort((a, b) => depthOf(a.path) - depthOf(b.path) || compare(a, b))
    .slice(0, limit);
  return { entries: kept.sort(compare), omitted: shown.length - kept.length, isCut, unreadable };
}

/** Reports whether a component of the path begins with a dot. */
export const isHidden = (path: string): boolean => /(^|\/)\./.test(path);

export const depthOf = (path: string): number => path.split("/").length;

/** By components, so that a directory comes directly before its entries. */
function compare({ path: first }: ListedEntry, { path: second }: ListedEntry): number {
  const [a, b] = [first.split("/"), second.split("/")];
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [x = "", y = ""] = [a[index], b[index]];
    if (x !== y) return x < y ? -1 : 1;
  }
  return a.length - b.length;
}
