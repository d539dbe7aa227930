import assert from "node:assert/strict";
import * as z from "zod";
import { RemoteExecError } from "../../src/errors.ts";
import { failureSchema, invalidArguments, toFailure, toResult } from "../../src/mcp/result.ts";
import { pure } from "../support/pure.ts";

const error = new RemoteExecError("locked", "It is locked", "Unlock it");
const failure = { success: false, code: "locked", error: "It is locked", suggestion: "Unlock it" };
const textOf = (result: { content: { type: string }[] }) => {
  assert.equal(result.content.length, 1);
  const [block] = result.content;
  return block !== undefined && "text" in block ? block.text : undefined;
};

pure("toResult() answers text, or exactly the structured content as JSON", () => {
  const data = { success: true, containers: [{ id: 1 }] };
  const text = toResult({ text: "one container", data }, "text");
  assert.equal(textOf(text), "one container");
  assert.deepEqual(text.structuredContent, data);
  assert.equal("isError" in text, false);
  assert.equal(textOf(toResult({ text: "", data }, "json")), JSON.stringify(data, null, 2));
});

pure("toResult() keeps the data of a failure that has some", () => {
  const answer = { text: "so far", data: { success: true, stdout: "x" }, failure: error };
  const result = toResult(answer, "text");
  assert.equal(result.isError, true);
  assert.deepEqual(result.structuredContent, { stdout: "x", ...failure });
  assert.equal(
    textOf(result),
    "[ERROR] It is locked\n\nSuggestion: Unlock it\nCode: locked\n\nso far",
  );
  assert.deepEqual(JSON.parse(String(textOf(toResult(answer, "json")))), result.structuredContent);
});

pure("toResult() refuses data that is not an object", () => {
  for (const data of [[], "x", null, undefined, 3]) {
    assert.throws(() => toResult({ text: "", data }, "text"), TypeError);
  }
});

pure("toFailure() answers code, error and suggestion", () => {
  const result = toFailure(error, undefined);
  assert.equal(result.isError, true);
  assert.deepEqual(failureSchema.parse(result.structuredContent), failure);
  assert.equal(textOf(result), "[ERROR] It is locked\n\nSuggestion: Unlock it\nCode: locked");
  assert.deepEqual(JSON.parse(String(textOf(toFailure(error, "json")))), failure);
});

pure("invalidArguments() says of a missing argument that it is required", () => {
  const schema = z.strictObject({ name: z.string(), id: z.number() });
  const { error: issues } = schema.safeParse({ id: null });
  assert.ok(issues);
  assert.equal(
    invalidArguments(issues, ["name", "id"]).message,
    "Input validation error: name: required; id: Invalid input: expected number, received null",
  );
});

pure("invalidArguments() names every argument that does not match", () => {
  const schema = z.strictObject({ command: z.string(), timeout: z.number().max(300) });
  const { error: issues } = schema.safeParse({ command: 1, timeout: 301, shell: "sh", "a b": 1 });
  assert.ok(issues);
  const refusal = invalidArguments(issues, ["command", "timeout"]);
  assert.equal(refusal.code, "invalid_argument");
  assert.match(refusal.message, /^Input validation error: .*command: .*; timeout: .*300/);
  assert.match(refusal.message, /unknown argument 'shell', 'a b'/);
  assert.equal(refusal.suggestion, "Correct the call; the arguments are command, timeout");
});

pure("invalidArguments() suggests no arguments for a tool without any", () => {
  const { error: issues } = z.strictObject({}).safeParse({ x: 1 });
  assert.ok(issues);
  assert.equal(invalidArguments(issues, []).suggestion, "Call the tool without arguments");
});

pure("invalidArguments() shortens names and lists that the client made up", () => {
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`key${at}`, 1]));
  const { error: issues } = z.strictObject({}).safeParse({ ["x\n".repeat(1e6)]: 1, ...many });
  assert.ok(issues);
  const { message } = invalidArguments(issues, []);
  assert.ok(message.length < 1_000, message);
  assert.match(message, / and 991 more$/);
  assert.doesNotMatch(message, /\n/);
});
