import { download } from "./download.ts";
import type { DownloadWork, RemoteSide, UploadWork } from "../remote_side.ts";
import { skipSent } from "./sent_files.ts";
import type { Tree, TreeItem } from "../tree_item.ts";
import type { HashTool } from "./tree_script.ts";
import { type TreePlace, TreeSession } from "./tree_session.ts";
import { upload } from "./upload.ts";

/** From this many bytes on, the fastest hash tool is worth its start. */
const LARGE_BYTES = 8_000_000;

/** A directory that a script on the host works on. */
export class ShellRemote implements RemoteSide {
  readonly #session: TreeSession;

  private constructor(session: TreeSession) {
    this.#session = session;
  }

  /** @throws RemoteExecError `unsupported` if a program is missing there */
  static async open(place: TreePlace): Promise<ShellRemote> {
    return new ShellRemote(await TreeSession.open(place));
  }

  async list(take: (item: TreeItem) => boolean): Promise<Tree> {
    return await this.#session.list(take);
  }

  async hashes(items: readonly TreeItem[]): Promise<ReadonlyMap<string, string>> {
    // They were sent for an empty directory, in which files appeared.
    await skipSent(this.#session);
    return await this.#session.hashes(items.map(({ path }) => path), this.#tool(items));
  }

  async upload(work: UploadWork): Promise<void> {
    await upload({ ...work, session: this.#session, tool: this.#tool(work.plan.send) });
  }

  async download(work: DownloadWork): Promise<void> {
    await download({ ...work, session: this.#session, tool: this.#tool(work.plan.send) });
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  #tool(items: readonly TreeItem[]): HashTool {
    const bytes = items.reduce((sum, { size }) => sum + size, 0);
    const { tools } = this.#session;
    return bytes < LARGE_BYTES && tools.includes("s") ? "s" : tools[0] ?? "s";
  }
}
