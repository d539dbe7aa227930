/** Which lines of a text are wanted. */
export interface Wanted {
  /** Max number of lines. */
  readonly lines: number;
  readonly maxCharacters: number;
}

/** Complete lines of a text, or a part of one line that is longer than the limit. */
export interface CutLines {
  readonly text: string;
  readonly lines: number;
  /** Lines that were asked for are missing, because of the limit. */
  readonly isCut: boolean;
  readonly hasCutLine: boolean;
}

/**
 * Returns the first lines of a text within the limits.
 *
 * @param isOpen the text ends in the middle of a line that may be longer
 */
export function firstLines(text: string, wanted: Wanted, isOpen = false): CutLines {
  let [end, lines, characters] = [0, 0, 0];
  while (lines < wanted.lines && end < text.length) {
    const next = lineEnd(text, end);
    const isComplete = text[next - 1] === "\n" || !isOpen;
    const length = codePoints(text.slice(end, next));
    if (characters + length > wanted.maxCharacters || !isComplete) {
      if (lines > 0) return { text: text.slice(0, end), lines, isCut: true, hasCutLine: false };
      const start = firstCodePoints(text.slice(0, next), wanted.maxCharacters);
      return { text: start, lines: 1, isCut: true, hasCutLine: true };
    }
    characters += length;
    lines++;
    end = next;
  }
  return { text: text.slice(0, end), lines, isCut: false, hasCutLine: false };
}

/**
 * Returns the last lines of a text within the limits.
 *
 * @param isOpen the text begins in the middle of a line
 */
export function lastLines(text: string, wanted: Wanted, isOpen = false): CutLines {
  let [start, lines, characters] = [text.length, 0, 0];
  while (lines < wanted.lines && start > 0) {
    // A negative position would count as 0.
    const previous = start < 2 ? 0 : text.lastIndexOf("\n", start - 2) + 1;
    const isComplete = previous > 0 || !isOpen;
    const length = codePoints(text.slice(previous, start));
    if (characters + length > wanted.maxCharacters || !isComplete) {
      if (lines > 0) return { text: text.slice(start), lines, isCut: true, hasCutLine: false };
      const end = lastCodePoints(text.slice(previous), wanted.maxCharacters);
      return { text: end, lines: 1, isCut: true, hasCutLine: true };
    }
    characters += length;
    lines++;
    start = previous;
  }
  return { text: text.slice(start), lines, isCut: false, hasCutLine: false };
}

/** Returns the number of lines; text after the last line feed counts as one. */
export function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines + (text === "" || text.endsWith("\n") ? 0 : 1);
}

/** Returns the position at which a line begins, or undefined behind the last one. @param line from 1 */
export function lineStart(text: string, line: number): number | undefined {
  let at = 0;
  for (let number = 1; number < line; number++) {
    at = text.indexOf("\n", at) + 1;
    if (at === 0) return undefined;
  }
  return at < text.length || line === 1 ? at : undefined;
}

function lineEnd(text: string, start: number): number {
  const at = text.indexOf("\n", start);
  return at < 0 ? text.length : at + 1;
}

const isHighSurrogate = (unit: number): boolean => (unit & 0xfc00) === 0xd800;

function codePoints(text: string): number {
  let pairs = 0;
  for (let index = 0; index < text.length; index++) {
    if (isHighSurrogate(text.charCodeAt(index))) pairs++;
  }
  return text.length - pairs;
}

/** Returns the first code points of a text. */
export function firstCodePoints(text: string, count: number): string {
  let end = 0;
  for (let taken = 0; taken < count && end < text.length; taken++) {
    end += isHighSurrogate(text.charCodeAt(end)) ? 2 : 1;
  }
  return text.slice(0, end);
}

function lastCodePoints(text: string, count: number): string {
  let start = text.length;
  for (let taken = 0; taken < count && start > 0; taken++) {
    start -= (text.charCodeAt(start - 1) & 0xfc00) === 0xdc00 ? 2 : 1;
  }
  return text.slice(Math.max(start, 0));
}
