import type { Progress, ToolContext } from "./tool.ts";

/** A callback that a worker can call; nothing when the client did not ask for progress. */
export function crossing<Step>(
  progress: ToolContext["progress"],
  translate: (step: Step) => Progress,
): ((step: Step) => void) | undefined {
  return progress && ((step: Step) => progress(translate(step)));
}

/** The progress of a transfer, in bytes; `total` is not known for every file. */
export const bytesMoved = (
  { bytes, total }: { readonly bytes: number; readonly total?: number },
): Progress => ({ progress: bytes, ...(total === undefined ? {} : { total }) });
