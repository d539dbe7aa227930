import type { LocalReader } from "./local/local_reader.ts";
import type { LocalTarget } from "./local/local_target.ts";
import type { Plan } from "./plan.ts";
import type { Tally } from "./tally.ts";
import type { Tree, TreeItem } from "./tree_item.ts";

/** What an upload needs. */
export interface UploadWork {
  readonly reader: LocalReader;
  readonly plan: Plan;
  readonly root: TreeItem;
  readonly overwrite: boolean;
  /** Also removes what only the host has. */
  readonly deletes: boolean;
  readonly tally: Tally;
}

/** What a download needs. */
export interface DownloadWork {
  readonly target: LocalTarget;
  readonly plan: Plan;
  readonly overwrite: boolean;
  readonly tally: Tally;
}

/** The directory on the host, through a shell or through SFTP. */
export interface RemoteSide {
  /** Lists the tree. Call it first. @param take returns false for an entry that is left out */
  list(take: (item: TreeItem) => boolean): Promise<Tree>;
  /** Returns the sha256 of files. @param found the same files as the host has them */
  hashes(items: readonly TreeItem[], found: Tree): Promise<ReadonlyMap<string, string>>;
  /** Does on the host what the plan says. */
  upload(work: UploadWork): Promise<void>;
  /** Fetches the files that the plan sends. */
  download(work: DownloadWork): Promise<void>;
  close(): Promise<void>;
}
