import { expandTilde } from "./expand.ts";
import { BadValue } from "./values.ts";

/**
 * Returns the absolute pattern that one word of `Include` means.
 *
 * @param isUsers the file belongs to the user
 * @throws BadValue
 */
export function includePath(
  word: string,
  isUsers: boolean,
  home: string | undefined,
): string {
  if (/^(\/|[A-Za-z]:[\\/])/.test(word)) return word;
  if (word.startsWith("~")) {
    if (isUsers) return expandTilde(word, home);
    throw new BadValue("begins with ~, which a system file may not use");
  }
  return isUsers ? expandTilde(`~/.ssh/${word}`, home) : `/etc/ssh/${word}`;
}
