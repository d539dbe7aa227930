import { isUnused, keywordOf } from "./keywords.ts";
import { lineValues } from "./line_values.ts";
import type { ConfigLine } from "./syntax.ts";
import { BadValue } from "./values.ts";

/** One line of a file: parsed, or text that says what is wrong with it. */
export interface PlacedLine {
  readonly number: number;
  readonly line: ConfigLine | string;
}

/** A `Host` or `Match` line and the lines up to the next one. */
export interface ConfigBlock {
  /** Undefined: before the first such line. */
  readonly head: PlacedLine | undefined;
  readonly lines: readonly PlacedLine[];
  /** True if the lines mean nothing where the block does not apply: they have no fault and include no file. */
  readonly isPlain: boolean;
}

/** The lines of a file in blocks. With hundreds of hosts, a host looks at few of them. */
export class ConfigBlocks {
  readonly lines: readonly PlacedLine[];
  readonly #blocks: readonly ConfigBlock[];
  /** Places of the blocks that only hosts with a certain name need to look at. */
  readonly #ofName = new Map<string, number[]>();
  /** Places of all other blocks. */
  readonly #ofAll: number[] = [];

  constructor(lines: readonly PlacedLine[]) {
    this.lines = lines;
    this.#blocks = blocksOf(lines);
    for (const [place, { head, isPlain }] of this.#blocks.entries()) {
      const names = isPlain ? namesOf(head?.line) : undefined;
      if (names === undefined) this.#ofAll.push(place);
      for (const name of new Set(names)) this.#add(name, place);
    }
  }

  /** Returns the blocks that may mean something for a host, in their order. */
  for(name: string): ConfigBlock[] {
    const places = [...this.#ofAll, ...this.#ofName.get(name) ?? []];
    return places.sort((a, b) => a - b).flatMap((place) => this.#blocks[place] ?? []);
  }

  #add(name: string, place: number): void {
    const places = this.#ofName.get(name);
    if (places === undefined) this.#ofName.set(name, [place]);
    else places.push(place);
  }
}

function blocksOf(lines: readonly PlacedLine[]): ConfigBlock[] {
  const isHead = ({ line }: PlacedLine) =>
    typeof line !== "string" && (line.keyword === "host" || line.keyword === "match");
  const starts = lines.flatMap((line, index) => isHead(line) ? [index] : []);
  return [-1, ...starts].map((start, index) => {
    const own = lines.slice(start + 1, starts[index]);
    return { head: lines[start], lines: own, isPlain: own.every(isPlain) };
  });
}

/** Returns the words of a `Host` line if none of them is a pattern. */
function namesOf(line: ConfigLine | string | undefined): readonly string[] | undefined {
  if (typeof line !== "object" || line.keyword !== "host") return undefined;
  return line.words.every((word) => word !== "" && !/[*?!]/.test(word)) ? line.words : undefined;
}

function isPlain({ line }: PlacedLine): boolean {
  if (typeof line === "string") return false;
  const keyword = keywordOf(line.keyword);
  if (keyword === undefined) return isUnused(line.keyword);
  try {
    lineValues(keyword, line);
    return true;
  } catch (error) {
    if (error instanceof BadValue) return false;
    throw error;
  }
}
