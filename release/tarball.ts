import { gzipSync } from "node:zlib";
import { TAR_END, tarHeader, tarPadding } from "../src/archive/tar_writer.ts";

/** A file to pack. */
export interface Member {
  /** Path in the archive, with `/`. */
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isExecutable?: boolean;
}

/** How files are packed; the same values yield the same bytes. */
export interface Packing {
  /** Compression, 1 to 9. */
  readonly level: number;
  /** Time of all files in seconds since 1970. */
  readonly time: number;
}

/** Permission bits of a packed file. */
export const modeOf = ({ isExecutable = false }: Member): number => isExecutable ? 0o755 : 0o644;

/** Where RFC 1952 puts the system that compressed the data; 255 is "unknown". */
const GZIP_SYSTEM = 9;

/** Returns the files as an npm package: a tar archive compressed by gzip, below `package/`. */
export async function tarball(
  members: readonly Member[],
  { level, time }: Packing,
): Promise<Uint8Array> {
  const parts = members.flatMap((member) => [
    tarHeader({
      path: `package/${member.path}`,
      kind: "file",
      size: member.bytes.length,
      mode: modeOf(member),
      mtime: time,
      uid: 0,
      gid: 0,
    }),
    member.bytes,
    new Uint8Array(tarPadding(member.bytes.length)),
  ]);
  const archive = await new Blob([...parts, TAR_END]).bytes();
  const packed = gzipSync(archive, { level });
  packed[GZIP_SYSTEM] = 255;
  return packed;
}
