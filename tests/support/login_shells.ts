/** The login shells through which command lines must pass unchanged, and names that try to run something. */
import assert from "node:assert/strict";
import fc from "./property.ts";
import { FISH, TCSH, ZSH } from "../peers/openssh.ts";
import { BUSYBOX, type Peer, peer } from "../peers/require.ts";

/** A login shell, called as sshd calls it: with `-c` and the line. */
export interface LoginShell {
  readonly name: string;
  readonly args: readonly string[];
  readonly path: string;
  readonly peer: Peer | readonly Peer[];
}

export const LOGIN_SHELLS: readonly LoginShell[] = [
  { name: "sh", path: "/bin/sh", args: [], peer: [] },
  { name: "bash", path: "/bin/bash", args: [], peer: peer("bash", "/bin/bash") },
  { name: "zsh", path: "/usr/bin/zsh", args: [], peer: ZSH },
  { name: "fish", path: "/usr/bin/fish", args: [], peer: FISH },
  { name: "tcsh", path: "/usr/bin/tcsh", args: [], peer: TCSH },
  { name: "busybox ash", path: "/usr/bin/busybox", args: ["sh"], peer: BUSYBOX },
];

/** Runs a line that must succeed, in a directory, and returns its stdout. */
export async function runLogin(
  { path, args }: LoginShell,
  line: string,
  directory: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(path, {
    args: [...args, "-c", line],
    cwd: directory,
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", HOME: "/nonexistent", ...env },
    stdin: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(stdout);
}

/** Text that would run something, or mean something else, in one of the shells. Without NUL. */
export const nastyName = fc.array(
  fc.oneof(
    fc.constantFrom(
      "'",
      '"',
      "`",
      "\\",
      "\n",
      "\r",
      "\t",
      " ",
      "!",
      "!!",
      "*",
      "?",
      "~",
      "[a]",
      "{a,b}",
    ),
    fc.constantFrom(
      "--",
      "-n",
      ";",
      "&",
      "|",
      "<",
      ">",
      "#",
      "=",
      "^",
      "%b",
      "%s",
      "\\0041",
      "$",
      "@",
    ),
    fc.constantFrom("\\'; touch OWNED; #'", "\ntouch OWNED\n", "$(touch OWNED)", "`touch OWNED`"),
    fc.constantFrom(
      "'; touch OWNED; '",
      "'\n touch OWNED #",
      "\x01",
      "\x1b[0m",
      "\x7f",
      "\x81",
      "\x88",
    ),
    fc.constantFrom(
      "é",
      "€",
      "😀",
      "\u0301",
      "\u2028",
      "\ufeff",
      "\u202e",
      "${HOME}",
      "(",
      ")",
      "$HOME",
    ),
    fc.string({ unit: "grapheme" }),
  ),
  { maxLength: 12 },
).map((parts) => parts.join("").replaceAll("\0", "")).filter((text) => text.isWellFormed());
