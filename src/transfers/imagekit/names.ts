import { randomBytes } from "node:crypto";
import { isSameText, seal } from "./keys.ts";

export type Direction = "upload" | "download";

/** A name of ours, taken apart. */
export interface ObjectName {
  readonly direction: Direction;
  /** Unix seconds; after it nobody needs the object. */
  readonly expiresAt: number;
}

const NAME = /^(mcp-(upload|download)-(\d{10,11})-[0-9a-f]{32})([0-9a-f]{16})$/;

/**
 * A new name that cannot be guessed, tells when the object is over, and proves by a seal that the
 * object is ours: `mcp-upload-1700000000-<32 random><16 seal>`. Only characters that the service keeps.
 */
export function makeObjectName(
  privateKey: string,
  direction: Direction,
  expiresAt: number,
): string {
  const stem = `mcp-${direction}-${expiresAt}-${randomBytes(16).toString("hex")}`;
  return `${stem}${sealOf(privateKey, stem)}`;
}

/** What a name says, when it was made with this private key; undefined for anybody else's name. */
export function parseObjectName(privateKey: string, name: string): ObjectName | undefined {
  const [, stem, direction, expiresAt, mark] = NAME.exec(name) ?? [];
  if (stem === undefined || mark === undefined) return undefined;
  if (!isSameText(mark, sealOf(privateKey, stem))) return undefined;
  return {
    direction: direction === "upload" ? "upload" : "download",
    expiresAt: Number(expiresAt),
  };
}

/** The path of a name in the configured folder, as the service lists it. */
export const objectPath = (folder: string, name: string): string =>
  `${folder === "/" ? "" : folder}/${name}`;

const sealOf = (privateKey: string, stem: string): string =>
  seal(privateKey, "object name", stem).subarray(0, 8).toHex();
