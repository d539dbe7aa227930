import { type Clock, waitingClock } from "../async/clock.ts";

/** JSON-RPC code for a server that cannot work with its configuration. */
const NOT_CONFIGURED = -32_002;
const MAX_INPUT = 1_000_000;

/**
 * Answers a client's `initialize` with an error, so that a person sees the faults of the
 * configuration in the client and not only in a log file. Returns after the answer, when the input
 * ends, or after `waitMs`.
 */
export async function refuseClient(
  input: ReadableStream<Uint8Array>,
  write: (line: string) => void,
  message: string,
  waitMs: number,
  clock: Clock = waitingClock,
): Promise<void> {
  const reader = input.getReader();
  const stopWaiting = clock.after(waitMs, () => reader.cancel().catch(() => {}));
  const decoder = new TextDecoder();
  let text = "";
  try {
    while (text.length < MAX_INPUT) {
      const { value, done } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const id = initializeId(text);
      if (id === undefined) continue;
      write(
        `${JSON.stringify({ jsonrpc: "2.0", id, error: { code: NOT_CONFIGURED, message } })}\n`,
      );
      return;
    }
  } finally {
    stopWaiting();
    await reader.cancel().catch(() => {});
  }
}

function initializeId(text: string): string | number | undefined {
  for (const line of text.split("\n").slice(0, -1)) {
    const request = parseRequest(line);
    if (request?.method === "initialize") return request.id;
  }
  return undefined;
}

function parseRequest(line: string): { method: unknown; id: string | number } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("id" in value) || !("method" in value)) {
      return undefined;
    }
    const { id, method } = value;
    return typeof id === "string" || typeof id === "number" ? { id, method } : undefined;
  } catch {
    return undefined;
  }
}
