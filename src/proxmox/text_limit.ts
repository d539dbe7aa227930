import type { CapturedText } from "../ssh/port.ts";

/** A command's two streams, cut as those of commands on the host are. */
export interface CapturedOutput {
  readonly stdout: CapturedText;
  readonly stderr: CapturedText;
}

/**
 * Cuts both streams to `limit` code points together, head and tail of each. Both keep at least half when
 * both are long; a short one is never cut for a long one.
 */
export function limitOutput(stdout: string, stderr: string, limit: number): CapturedOutput {
  const [out, err] = [Array.from(stdout), Array.from(stderr)];
  const half = Math.floor(limit / 2);
  const outShare = Math.max(limit - err.length, limit - half);
  const errShare = Math.max(limit - out.length, half);
  return { stdout: cut(out, outShare), stderr: cut(err, errShare) };
}

function cut(points: readonly string[], share: number): CapturedText {
  const originalLength = points.length;
  if (originalLength <= share) {
    return { text: points.join(""), truncated: false, originalLength };
  }
  const head = Math.ceil(share / 2);
  const tail = share - head;
  const notice =
    `\n\n[OUTPUT TRUNCATED - showing first ${head} and last ${tail} of ${originalLength} characters; ` +
    `${originalLength - share} characters are missing here]\n\n`;
  const text = points.slice(0, head).join("") + notice +
    points.slice(originalLength - tail).join("");
  return { text, truncated: true, originalLength };
}
