import type { Target } from "./targets.ts";

const ELF = "7f454c46";
const MACH_O = "cffaedfe";
const PE = "50450000";

/**
 * Returns the system that an executable is for, undefined if none of ours. `deno compile` puts the base that DENORT_BIN
 * names under any target's name.
 *
 * Source: ELF specification "ELF Header", Apple's mach-o/loader.h, Microsoft's "PE Format".
 *
 * @param head the first 4 KiB of the file, or all of it
 */
export function systemOf(head: Uint8Array): Pick<Target, "os" | "cpu"> | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.byteLength < 0x40) return undefined;
  const magic = (at: number) =>
    at + 4 <= view.byteLength ? view.getUint32(at).toString(16).padStart(8, "0") : "";
  if (magic(0) === ELF) return named("linux", view.getUint16(18, true), 0x3e, 0xb7);
  if (magic(0) === MACH_O) return named("darwin", view.getUint32(4, true), 0x1000007, 0x100000c);
  const header = view.getUint32(0x3c, true);
  if (magic(header) !== PE) return undefined;
  return named("win32", view.getUint16(header + 4, true), 0x8664, 0xaa64);
}

function named(
  os: Target["os"],
  machine: number,
  x64: number,
  arm64: number,
): Pick<Target, "os" | "cpu"> | undefined {
  if (machine === x64) return { os, cpu: "x64" };
  return machine === arm64 ? { os, cpu: "arm64" } : undefined;
}
