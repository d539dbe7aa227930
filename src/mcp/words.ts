/** Max length of a host name in a tool's description; a name in DNS may have 253 characters. */
const MAX_HOST = 60;

/** Returns a host name for descriptions, shortened in its middle. */
export const shortHost = (host: string): string => shortened(host, MAX_HOST);

/** Returns a text of at most `max` characters: a longer one loses its middle. */
export function shortened(text: string, max: number): string {
  const points = [...text];
  if (points.length <= max) return text;
  const head = Math.ceil((max - 1) / 2);
  return [...points.slice(0, head), "…", ...points.slice(head + 1 - max)].join("");
}

const UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["GB", 1e9],
  ["MB", 1e6],
];

/** Returns a byte count exactly, in the largest unit without a fraction: `10 MiB`, `25 MB`, `1234 bytes`. */
export function exactSize(bytes: number): string {
  const [unit, size] = UNITS.find(([, size]) => bytes >= size && bytes % size === 0) ??
    ["bytes", 1];
  return `${bytes / size} ${unit}`;
}
