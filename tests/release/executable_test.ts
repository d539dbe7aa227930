import assert from "node:assert/strict";
import { systemOf } from "../../release/executable.ts";
import { pure } from "../support/pure.ts";

/** A file that begins with these bytes, each at its place. */
function file(...parts: readonly (readonly [at: number, hex: string])[]): Uint8Array {
  const bytes = new Uint8Array(256);
  for (const [at, hex] of parts) bytes.set(Uint8Array.fromHex(hex), at);
  return bytes;
}

pure("systemOf() knows the executables of Linux, macOS and Windows by their headers", () => {
  const elf = [0, "7f454c46020101"] as const;
  const pe = [[0, "4d5a"], [0x3c, "80000000"]] as const;
  const known = [
    [file(elf, [18, "3e00"]), "linux", "x64"],
    [file(elf, [18, "b700"]), "linux", "arm64"],
    [file([0, "cffaedfe07000001"]), "darwin", "x64"],
    [file([0, "cffaedfe0c000001"]), "darwin", "arm64"],
    [file(...pe, [0x80, "504500006486"]), "win32", "x64"],
    [file(...pe, [0x80, "5045000064aa"]), "win32", "arm64"],
  ] as const;
  for (const [bytes, os, cpu] of known) assert.deepEqual(systemOf(bytes), { os, cpu });
});

pure("systemOf() returns undefined for anything else", () => {
  for (
    const bytes of [
      new Uint8Array(),
      new Uint8Array(256),
      file([0, "7f454c46"]).subarray(0, 20),
      file([0, "7f454c46020101"], [18, "0300"]),
      file([0, "4d5a"], [0x3c, "ffffff7f"]),
      new TextEncoder().encode("#!/bin/sh\n".repeat(20)),
    ]
  ) assert.equal(systemOf(bytes), undefined);
});
