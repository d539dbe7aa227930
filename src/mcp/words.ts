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

/** Powers of 1000, as on the pages of links. */
const HUMAN_UNITS = ["kB", "MB", "GB", "TB"];

/** Returns a byte count for people: `5 bytes`, `3.4 MB`, `34 MB`. */
export function humanSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  let [value, unit] = [bytes / 1000, 0];
  while (value >= 999.5 && unit < HUMAN_UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${value.toFixed(value < 10 ? 1 : 0)} ${HUMAN_UNITS[unit]}`;
}

/** Returns what follows an exact byte count in a text for people: ` (3.4 MB)`, and nothing for a small one. */
export const inUnits = (bytes: number): string => bytes < 1000 ? "" : ` (${humanSize(bytes)})`;

/**
 * Returns a whole number with commas: `25,000`. `toLocaleString()` loads the data of all languages, about
 * 6 ms of the start.
 */
export const grouped = (count: number): string => `${count}`.replace(/\B(?=(\d{3})+$)/g, ",");
