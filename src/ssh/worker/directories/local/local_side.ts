import { RemoteExecError } from "../../../../errors.ts";
import type { PathGuard } from "../../../../local/path_guard.ts";
import type { DirectoryRequest } from "../../../directories/port.ts";
import { exclusion } from "../exclusion.ts";
import { LocalReader } from "./local_reader.ts";
import { localTree } from "./local_tree.ts";

/** Limits of one side: the destination may be larger than what is copied into it. */
export const limitsOf = (
  { maxEntries, maxBytes }: DirectoryRequest,
  isSource: boolean,
): { readonly maxEntries: number; readonly maxBytes: number } =>
  isSource ? { maxEntries, maxBytes } : { maxEntries: maxEntries * 10, maxBytes: Infinity };

/** The local directory of a copy. Listing begins at once, and reading ahead for an upload. */
export class LocalSide {
  /** What is in the directory. */
  readonly tree: ReturnType<typeof localTree>;
  readonly #guard: PathGuard;
  readonly #path: string;
  #reader: LocalReader | undefined;

  constructor(guard: PathGuard, request: DirectoryRequest, signal: AbortSignal) {
    const isUpload = request.direction === "upload";
    this.#guard = guard;
    this.#path = request.localPath;
    this.tree = localTree(guard, request.localPath, {
      isExcluded: exclusion(request.exclude),
      ...limitsOf(request, isUpload),
      signal,
    });
    this.tree.then(async ({ top, items }) => {
      if (isUpload && top !== undefined) await this.reader(top).readAhead(items.values(), signal);
    }).catch(() => {}); // reported to those who wait for the tree
  }

  /** Reports whether nothing is at the path, or an empty directory. Does not wait for the list. */
  async isEmpty(): Promise<boolean> {
    try {
      const { real } = await this.#guard.resolve(this.#path);
      return Deno.readDirSync(real)[Symbol.iterator]().next().done === true;
    } catch (error) {
      // Other errors are reported to those who wait for the list.
      return error instanceof RemoteExecError && error.code === "not_found";
    }
  }

  /** @param top the directory's resolved path */
  reader(top: string): LocalReader {
    return this.#reader ??= new LocalReader(this.#guard, top);
  }
}
