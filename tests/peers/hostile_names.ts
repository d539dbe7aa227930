/** File names that a shell, a program or a protocol could take for something else. */
export const HOSTILE: readonly string[] = [
  `report\\'; touch OWNED; #'.txt`,
  "a\ntouch OWNED\n",
  "a\n",
  "it's!!",
  `$(touch OWNED)\`touch OWNED\`"`,
  "'; touch OWNED; '",
  "-n",
  "~root",
  "%b\\0041",
  "tab\t\x01\x7fé😀",
  "\\",
  "*?[a]{b,c}",
];
