import type { Progress, ToolContext } from "./tool.ts";

/**
 * Returns a callback that passes on each step whose value is larger than that of the one before.
 * Source: MCP 2025-06-18, utilities/progress: the value must increase with each notification.
 */
export function increasing(send: (step: Progress) => void): (step: Progress) => void {
  let last = -Infinity;
  return (step) => {
    if (step.progress <= last) return;
    last = step.progress;
    send(step);
  };
}

/** Returns a callback for a worker's steps; undefined when the client did not ask for progress. */
export function mapProgress<Step>(
  progress: ToolContext["progress"],
  translate: (step: Step) => Progress,
): ((step: Step) => void) | undefined {
  return progress && ((step: Step) => progress(translate(step)));
}

/** The progress of a transfer, in bytes. `total` is not known for every file. */
export const bytesMoved = (
  { bytes, total }: { readonly bytes: number; readonly total?: number },
): Progress => ({ progress: bytes, ...(total === undefined ? {} : { total }) });
