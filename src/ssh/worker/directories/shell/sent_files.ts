import { delay } from "../../../../async/delay.ts";
import { type TarMember, tarMembers } from "../../../../archive/tar_reader.ts";
import { directoryProtocol } from "../../../directories/errors.ts";
import type { DownloadWork } from "../remote_side.ts";
import type { TreeItem } from "../tree_item.ts";
import { TAR_STOP } from "./tree_script.ts";
import type { TreeSession } from "./tree_session.ts";

/** Larger files are not sent unasked. */
const MAX_BYTES = 2_000_000;
/** Bytes that nobody wants: files that were written after the list. */
const MAX_SKIPPED_BYTES = 100_000_000;
/** Members that nobody wants, beyond those of the list. */
const MAX_OTHERS = 1_000;
/** After so long other work gets its turn: small files are written without one. */
export const TURN_MS = 20;

/**
 * Writes the files that the host has sent with the list, so that they need no further round trip.
 *
 * @returns the files that are still to be requested: also each that failed, because its request tells why
 */
export async function receiveSent(
  session: TreeSession,
  work: DownloadWork,
  files: readonly TreeItem[],
): Promise<TreeItem[]> {
  const missing = new Map(files.map((item) => [item.path, item]));
  await session.receiveSent(async (hashes) => {
    let startedAt = performance.now();
    for await (const member of sentMembers(session)) {
      const item = missing.get(member.path);
      const expected = hashes.get(member.path);
      if (item === undefined || expected === undefined) continue;
      if (await isWritten(work, item, member, expected)) missing.delete(item.path);
      if (performance.now() - startedAt < TURN_MS) continue;
      await delay(0);
      startedAt = performance.now();
    }
  });
  return [...missing.values()];
}

/** Reads what {@linkcode receiveSent} would, and drops it. */
export async function skipSent(session: TreeSession): Promise<void> {
  await session.receiveSent(async () => {
    for await (const _ of sentMembers(session));
  });
}

/** Yields the members; content that was not read is skipped. */
async function* sentMembers({ output, listed }: TreeSession): AsyncGenerator<TarMember> {
  let skipped = 0;
  const limits = { maxEntries: listed + MAX_OTHERS, end: TAR_STOP };
  for await (const member of tarMembers(output, limits)) {
    const before = output.position;
    yield member;
    skipped += member.size - (output.position - before);
    if (skipped > MAX_SKIPPED_BYTES) throw directoryProtocol("much more than it listed");
  }
}

async function isWritten(
  { target, tally, overwrite }: DownloadWork,
  item: TreeItem,
  member: TarMember,
  expected: string,
): Promise<boolean> {
  if (member.kind !== "file" || member.size !== item.size || item.size > MAX_BYTES) return false;
  const content = await whole(member.content(), item.size);
  const reason = await target.writeSmall(item, content, expected, overwrite);
  if (reason !== undefined) return false;
  tally.moved(item.size);
  tally.passed();
  tally.arrived(item.size);
  return true;
}

/** Returns a content of `size` bytes in one piece. */
export async function whole(content: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let length = 0;
  for await (const piece of content) {
    bytes.set(piece, length);
    length += piece.length;
  }
  return bytes;
}
