import type { Progress } from "./tool.ts";

/**
 * Hands on the steps whose value is larger than that of the one before. Source: MCP 2025-06-18,
 * utilities/progress: the value must increase with each notification.
 */
export function increasing(send: (step: Progress) => void): (step: Progress) => void {
  let last = -Infinity;
  return (step) => {
    if (step.progress <= last) return;
    last = step.progress;
    send(step);
  };
}
