import assert from "node:assert/strict";

/** Polls for a state that nothing reports. Fails with its name after the limit, so no test hangs. */
export async function until(
  what: string,
  isSo: () => unknown,
  limitMs = 30_000,
  pollMs = 5,
): Promise<void> {
  const giveUpAtMs = performance.now() + limitMs;
  while (!(await isSo())) {
    assert.ok(performance.now() < giveUpAtMs, `not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
