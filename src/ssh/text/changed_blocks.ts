/** Steps of the exact comparison; beyond them, a range is split at lines that are unique in it. */
const MAX_STEPS = 400;

/** Lines `oldStart` to `oldEnd` (exclusive, from 0) were replaced by the lines `newStart` to `newEnd`. */
export interface Block {
  readonly oldStart: number;
  readonly oldEnd: number;
  readonly newStart: number;
  readonly newEnd: number;
}

/**
 * Returns the ranges of lines that differ between two texts, in order. Between them the lines are equal. The
 * ranges are the smallest ones unless the texts differ very much.
 */
export function changedBlocks(old: readonly string[], current: readonly string[]): Block[] {
  const blocks: Block[] = [];
  const rest = [{ oldStart: 0, oldEnd: old.length, newStart: 0, newEnd: current.length }];
  for (let range = rest.pop(); range !== undefined; range = rest.pop()) {
    const core = trimmed(old, current, range);
    if (core === undefined) continue;
    const isOneSided = core.oldStart === core.oldEnd || core.newStart === core.newEnd;
    const found = isOneSided ? [core] : shortest(old, current, core);
    if (found !== undefined) {
      blocks.push(...found);
      continue;
    }
    const parts = splitAtUniqueLines(old, current, core);
    if (parts.length === 1) blocks.push(core);
    // One by one: a call takes about 100,000 arguments at most.
    else for (const part of parts.reverse()) rest.push(part);
  }
  return merged(blocks);
}

/** Removes equal lines from both ends; undefined if nothing is left. */
function trimmed(
  old: readonly string[],
  current: readonly string[],
  { oldStart, oldEnd, newStart, newEnd }: Block,
): Block | undefined {
  while (oldStart < oldEnd && newStart < newEnd && old[oldStart] === current[newStart]) {
    oldStart++;
    newStart++;
  }
  while (oldStart < oldEnd && newStart < newEnd && old[oldEnd - 1] === current[newEnd - 1]) {
    oldEnd--;
    newEnd--;
  }
  return oldStart === oldEnd && newStart === newEnd
    ? undefined
    : { oldStart, oldEnd, newStart, newEnd };
}

/** Finds the shortest difference; undefined if it is too long. Source: Myers, "An O(ND) Difference Algorithm". */
function shortest(
  old: readonly string[],
  current: readonly string[],
  { oldStart, oldEnd, newStart, newEnd }: Block,
): Block[] | undefined {
  const [width, height] = [oldEnd - oldStart, newEnd - newStart];
  const max = Math.min(MAX_STEPS, width + height);
  const reached = new Int32Array(2 * max + 3);
  const middle = max + 1;
  const history: Int32Array[] = [];
  for (let steps = 0; steps <= max; steps++) {
    history.push(reached.slice(middle - steps - 1, middle + steps + 2));
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      const [left = 0, right = 0] = [
        reached[middle + diagonal - 1],
        reached[middle + diagonal + 1],
      ];
      const isDown = diagonal === -steps || diagonal !== steps && left < right;
      let x = isDown ? right : left + 1;
      let y = x - diagonal;
      while (x < width && y < height && old[oldStart + x] === current[newStart + y]) {
        x++;
        y++;
      }
      reached[middle + diagonal] = x;
      if (x >= width && y >= height) {
        return traced(history, steps, width, height, oldStart, newStart);
      }
    }
  }
  return undefined;
}

/** Walks back through the steps. */
function traced(
  history: readonly Int32Array[],
  steps: number,
  width: number,
  height: number,
  oldStart: number,
  newStart: number,
): Block[] {
  const blocks: Block[] = [];
  let [x, y] = [width, height];
  for (let step = steps; step > 0; step--) {
    const reached = history[step] ?? new Int32Array();
    const at = (diagonal: number): number => reached[diagonal + step + 1] ?? 0;
    const diagonal = x - y;
    const isDown = diagonal === -step ||
      diagonal !== step && at(diagonal - 1) < at(diagonal + 1);
    const previous = isDown ? diagonal + 1 : diagonal - 1;
    const px = at(previous);
    const py = px - previous;
    const [oldLine, newLine] = [oldStart + px, newStart + py];
    blocks.push({
      oldStart: oldLine,
      oldEnd: isDown ? oldLine : oldLine + 1,
      newStart: newLine,
      newEnd: isDown ? newLine + 1 : newLine,
    });
    [x, y] = [px, py];
  }
  return blocks.reverse();
}

/** Splits a range at lines that occur once on both sides, in the same order. Source: patience diff. */
function splitAtUniqueLines(
  old: readonly string[],
  current: readonly string[],
  range: Block,
): Block[] {
  const positions = uniquePositions(current, range.newStart, range.newEnd);
  const pairs: [number, number][] = [];
  for (const [line, at] of uniquePositions(old, range.oldStart, range.oldEnd)) {
    const other = positions.get(line);
    if (other !== undefined) pairs.push([at, other]);
  }
  const parts: Block[] = [];
  let { oldStart, newStart } = range;
  for (const [oldEnd, newEnd] of longestAscending(pairs)) {
    parts.push({ oldStart, oldEnd, newStart, newEnd });
    [oldStart, newStart] = [oldEnd + 1, newEnd + 1];
  }
  parts.push({ ...range, oldStart, newStart });
  return parts;
}

/** Returns the lines that occur once, and where, in order. */
function uniquePositions(
  lines: readonly string[],
  start: number,
  end: number,
): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const repeated = new Set<string>();
  for (let at = start; at < end; at++) {
    const line = lines[at] ?? "";
    if (found.has(line)) repeated.add(line);
    else found.set(line, at);
  }
  for (const line of repeated) found.delete(line);
  return found;
}

/** Returns the longest part of the pairs in which the second numbers ascend. The first ones do already. */
function longestAscending(pairs: readonly (readonly [number, number])[]): [number, number][] {
  const ends: number[] = [];
  const before: (number | undefined)[] = [];
  for (const [index, [, value]] of pairs.entries()) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const half = (low + high) >> 1;
      if ((pairs[ends[half] ?? 0]?.[1] ?? 0) < value) low = half + 1;
      else high = half;
    }
    before.push(low > 0 ? ends[low - 1] : undefined);
    ends[low] = index;
  }
  const chain: [number, number][] = [];
  for (let at = ends.at(-1); at !== undefined; at = before[at]) {
    const [first, second] = pairs[at] ?? [0, 0];
    chain.push([first, second]);
  }
  return chain.reverse();
}

/** Joins blocks without equal lines between them. */
function merged(blocks: readonly Block[]): Block[] {
  const joined: Block[] = [];
  for (const block of blocks) {
    const last = joined.at(-1);
    if (last !== undefined && last.oldEnd === block.oldStart && last.newEnd === block.newStart) {
      joined[joined.length - 1] = { ...last, oldEnd: block.oldEnd, newEnd: block.newEnd };
    } else joined.push(block);
  }
  return joined;
}
