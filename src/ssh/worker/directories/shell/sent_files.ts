import { slices } from "../../../../async/slices.ts";
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
/** Bytes that are held until their hashes arrive. An honest host sends fewer. */
const MAX_HELD_BYTES = 4_000_000;

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
  const held = new Map<TreeItem, Uint8Array>();
  let bytes = 0;
  const hashes = await session.receiveSent(async () => {
    for await (const member of sentMembers(session)) {
      const item = missing.get(member.path);
      if (item === undefined || !isAsListed(member, item)) continue;
      if ((bytes += item.size) > MAX_HELD_BYTES) continue;
      held.set(item, await whole(member.content(), item.size));
      work.tally.moved(0); // it is counted once it is written
    }
  });
  const endOfSlice = slices();
  for (const [item, content] of held) {
    const expected = hashes.get(item.path);
    if (expected === undefined) continue;
    if (await isWritten(work, item, content, expected)) missing.delete(item.path);
    await endOfSlice();
  }
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

const isAsListed = ({ kind, size }: TarMember, item: TreeItem): boolean =>
  kind === "file" && size === item.size && size <= MAX_BYTES;

async function isWritten(
  { target, tally, overwrite }: DownloadWork,
  item: TreeItem,
  content: Uint8Array,
  expected: string,
): Promise<boolean> {
  const reason = await target.writeSmall(item, content, expected, overwrite);
  if (reason !== undefined) return false;
  tally.moved(item.size);
  tally.passed();
  tally.arrived(item.size);
  return true;
}

/** Returns a content of `size` bytes in one piece. */
export async function whole(content: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  let length = 0;
  for await (const piece of content) {
    if (piece.length === size) return piece;
    bytes ??= new Uint8Array(size);
    bytes.set(piece, length);
    length += piece.length;
  }
  return bytes ?? new Uint8Array(size);
}
