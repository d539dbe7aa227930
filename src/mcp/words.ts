/** Max length of a host name in a tool's description; a name in DNS may have 253 characters. */
const MAX_HOST = 60;

/** Returns a host name for descriptions, shortened in its middle. */
export const shortHost = (host: string): string => shortened(host, MAX_HOST);

/** Returns a text of at most `max` UTF-16 units: a longer one loses its middle. */
export function shortened(text: string, max: number): string {
  if (text.length <= max) return text;
  const tail = Math.floor((max - 1) / 2);
  // A cut may split a pair of surrogates.
  return `${text.slice(0, max - 1 - tail)}…${text.slice(text.length - tail)}`.toWellFormed();
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

/**
 * Returns a whole number with commas: `25,000`. `toLocaleString()` loads the data of all languages, about
 * 6 ms of the start.
 */
export const grouped = (count: number): string => `${count}`.replace(/\B(?=(\d{3})+$)/g, ",");
