/** The traffic of a node in bytes per second. */
export interface NodeTraffic {
  readonly netin: number;
  readonly netout: number;
}

const LINE = /^=([A-Za-z0-9-]+) (.*)$/;

/**
 * Parses lines `=NODE SAMPLE`, where a sample is a part of what `pvesh get /nodes/N/rrddata` prints, into the newest
 * complete sample of each node. The newest one of all is often still without values.
 */
export function parseNodeTraffic(stdout: string): ReadonlyMap<string, NodeTraffic> {
  const newest = new Map<string, NodeTraffic & { readonly time: number }>();
  for (const line of stdout.split("\n")) {
    const [, node, sample = ""] = LINE.exec(line) ?? [];
    const [time, netin, netout] = ["time", "netin", "netout"].map((key) => valueOf(sample, key));
    if (node === undefined || time === undefined) continue;
    if (netin === undefined || netout === undefined) continue;
    if (time > (newest.get(node)?.time ?? 0)) newest.set(node, { time, netin, netout });
  }
  return newest;
}

/** Returns the output without these lines. */
export const withoutTraffic = (stdout: string): string =>
  stdout.split("\n").filter((line) => !LINE.test(line)).join("\n");

/** A number; older versions print some as text. */
function valueOf(sample: string, key: string): number | undefined {
  const text = new RegExp(`"${key}":"?([-+.\\de]+)`, "i").exec(sample)?.[1];
  const value = Number(text);
  return text === undefined || !Number.isFinite(value) ? undefined : value;
}
