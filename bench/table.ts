import type { Figure } from "./numbers.ts";

/** A line of the table. */
export interface Result {
  readonly what: string;
  readonly unit: "ms" | "MB/s" | "MB" | "round trips" | "tokens" | "per new byte";
  readonly ours: Figure;
  /** OpenSSH's figure for the same. */
  readonly theirs?: Figure;
  readonly aim?: Aim;
}

/** What is aimed at: a bound for the value itself, or for its ratio to OpenSSH's. */
export interface Aim {
  readonly of: "value" | "ratio";
  readonly most?: number;
  readonly least?: number;
  /** Better than enough. */
  readonly goal?: number;
}

const HEAD = ["", "ours", "", "OpenSSH", "", "ratio", "aim", "met"];

/** The results as a table; a value is followed by the range of the middle half of its samples. */
export function formatTable(results: readonly Result[]): string {
  const rows = [HEAD, ...results.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => formatRow(row, widths)).join("\n");
}

function formatRow(row: readonly string[], widths: readonly number[]): string {
  const padded = row.map((cell, column) => {
    const width = widths[column] ?? 0;
    return column === 0 || column > 5 ? cell.padEnd(width) : cell.padStart(width);
  });
  return padded.join("  ").trimEnd();
}

function cells(result: Result): string[] {
  const { what, unit, ours, theirs, aim } = result;
  return [
    `${what} [${unit}]`,
    number(ours.value),
    range(ours),
    theirs ? number(theirs.value) : "",
    theirs ? range(theirs) : "",
    theirs ? `${number(ratio(result))}x` : "",
    aim ? formatAim(aim) : "",
    verdict(result),
  ];
}

const ratio = ({ ours, theirs }: Result): number => ours.value / (theirs?.value ?? NaN);

/** Was the aim reached? Undefined without one. */
export function isMet(result: Result): boolean | undefined {
  const { aim, ours } = result;
  if (aim === undefined) return undefined;
  const seen = aim.of === "ratio" ? ratio(result) : ours.value;
  return seen <= (aim.most ?? Infinity) && seen >= (aim.least ?? -Infinity);
}

function verdict(result: Result): string {
  const met = isMet(result);
  if (met === undefined) return "";
  if (!met) return "MISSED";
  const goal = result.aim?.goal;
  if (goal === undefined) return "yes";
  return ratio(result) >= goal ? "yes, goal too" : "yes, goal not";
}

function formatAim({ of, most, least, goal }: Aim): string {
  const unit = of === "ratio" ? "x" : "";
  const bound = most === undefined ? `>= ${least}${unit}` : `<= ${most}${unit}`;
  return goal === undefined ? bound : `${bound}, goal ${goal}${unit}`;
}

const range = ({ low, high }: Figure): string =>
  low === high ? "" : `(${number(low)}-${number(high)})`;

function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
