import assert from "node:assert/strict";

/** A look that takes long, for example at all processes, is repeated less often, up to this pause. */
const MAX_PAUSE_MS = 20;

/** Polls for a state that nothing reports. Fails with its name after the limit, so no test hangs. */
export async function until(
  what: string,
  isSo: () => unknown,
  limitMs = 30_000,
  pollMs = 5,
): Promise<void> {
  const giveUpAtMs = performance.now() + limitMs;
  for (;;) {
    const lookedAtMs = performance.now();
    if (await isSo()) return;
    const nowMs = performance.now();
    assert.ok(nowMs < giveUpAtMs, `not within ${limitMs} ms: ${what}`);
    const pauseMs = Math.max(pollMs, Math.min(3 * (nowMs - lookedAtMs), MAX_PAUSE_MS));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
