import assert from "node:assert/strict";
import { refuseClient } from "../../src/mcp/refuse.ts";
import { pure } from "../support/pure.ts";
import { FakeClock } from "../support/fake_clock.ts";

const initialize = (id: unknown) => JSON.stringify({ jsonrpc: "2.0", id, method: "initialize" });

/** Returns the answer to an input that arrives in these pieces and then ends. */
async function refuse(...pieces: (string | Uint8Array)[]): Promise<unknown[]> {
  const answers: string[] = [];
  const bytes = pieces.map((piece) =>
    typeof piece === "string" ? new TextEncoder().encode(piece) : piece
  );
  await refuseClient(
    ReadableStream.from(bytes),
    (line) => answers.push(line),
    "it is wrong",
    5_000,
  );
  assert.ok(answers.every((line) => line.endsWith("\n") && line.indexOf("\n") === line.length - 1));
  return answers.map((line) => JSON.parse(line));
}

const answerTo = (id: unknown) => ({
  jsonrpc: "2.0",
  id,
  error: { code: -32_002, message: "it is wrong" },
});

pure("refuseClient() answers initialize with the text, under the request's id", async () => {
  assert.deepEqual(await refuse(`${initialize(0)}\n`), [answerTo(0)]);
  assert.deepEqual(await refuse(`${initialize("a")}\n`), [answerTo("a")]);
});

pure(
  "refuseClient() answers a request that comes in pieces, split within a character too",
  async () => {
    const line = new TextEncoder().encode(
      `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: { name: "ü" } })}\n`,
    );
    const pieces = [...line].map((byte) => Uint8Array.of(byte));
    assert.deepEqual(await refuse(...pieces), [answerTo(1)]);
  },
);

pure("refuseClient() leaves everything else unanswered", async () => {
  const others = [
    "no JSON",
    "[]",
    "null",
    JSON.stringify({ jsonrpc: "2.0", method: "initialize" }),
    JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
    JSON.stringify({ jsonrpc: "2.0", id: { a: 1 }, method: "initialize" }),
  ];
  assert.deepEqual(await refuse(others.map((line) => `${line}\n`).join("")), []);
  assert.deepEqual(await refuse(`${others[4]}\n${initialize(2)}\n`), [answerTo(2)]);
});

pure("refuseClient() stops reading a line that never ends", async () => {
  assert.deepEqual(await refuse("x".repeat(999_999), "yy", `\n${initialize(1)}\n`), []);
});

pure("refuseClient() returns at its time limit", async () => {
  const clock = new FakeClock();
  const answers: string[] = [];
  const waiting = refuseClient(
    new ReadableStream(),
    (line) => answers.push(line),
    "it is wrong",
    5_000,
    clock,
  );
  clock.advance(5_000);
  await waiting;
  assert.deepEqual(answers, []);
});
