/**
 * Returns the word that was probably meant by a mistyped one: at most one letter in three is wrong,
 * missing, added or swapped. Returns undefined if no word is that close.
 */
export function closest(typed: string, words: readonly string[]): string | undefined {
  const ranked = words.map((word) => ({ word, distance: distance(typed, word) }))
    .sort((one, other) => one.distance - other.distance);
  const [best] = ranked;
  if (best === undefined) return undefined;
  const allowed = Math.min(2, Math.floor(Math.min(typed.length, best.word.length) / 3));
  return best.distance <= allowed ? best.word : undefined;
}

/** Edit distance in which swapping two neighbors counts once (optimal string alignment). */
function distance(from: string, to: string): number {
  let [before, above]: number[][] = [[], Array.from({ length: to.length + 1 }, (_, at) => at)];
  for (let row = 1; row <= from.length; row++) {
    const line = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      line.push(Math.min(
        (line[column - 1] ?? 0) + 1,
        (above?.[column] ?? 0) + 1,
        (above?.[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (before?.[column - 2] ?? Infinity) + 1 : Infinity,
      ));
    }
    [before, above] = [above ?? [], line];
  }
  return above?.[to.length] ?? from.length;
}
