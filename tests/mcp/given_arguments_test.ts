import assert from "node:assert/strict";
import * as z from "zod";
import { givenArguments } from "../../src/mcp/given_arguments.ts";
import { CONFIGURATION_NAMES, listTools } from "../support/catalogs.ts";
import { pure } from "../support/pure.ts";

const shape = {
  text: z.string(),
  count: z.number().int().default(3),
  size: z.number().optional(),
  flag: z.boolean().default(false),
};

pure("givenArguments() leaves out null, except under an unknown name", () => {
  const given = { text: null, count: null, size: null, flag: null, shell: null };
  assert.deepEqual(givenArguments(given, shape), { shell: null });
});

pure("givenArguments() reads lists as JSON, and their objects like arguments", () => {
  const list = {
    edits: z.array(z.strictObject({ text: z.string(), flag: z.boolean().optional() })),
  };
  const edits = [{ text: "[1]", flag: "true" }, { text: "a", flag: null }, { other: null }, 5];
  const expected = [{ text: "[1]", flag: true }, { text: "a" }, { other: null }, 5];
  assert.deepEqual(givenArguments({ edits }, list), { edits: expected });
  assert.deepEqual(givenArguments({ edits: JSON.stringify(edits) }, list), { edits: expected });
  assert.deepEqual(givenArguments({ edits: "[broken" }, list), { edits: "[broken" });
});

pure("givenArguments() reads digits as a number where a number is expected", () => {
  for (const [text, number] of [["30", 30], ["0", 0], ["-5", -5], ["300", 300]] as const) {
    assert.deepEqual(givenArguments({ count: text, size: text, text }, shape), {
      count: number,
      size: number,
      text,
    });
  }
  for (const text of ["", " ", "3.5", "1e3", "0x10", "30s", "007", "9".repeat(30), "NaN"]) {
    assert.deepEqual(givenArguments({ count: text }, shape), { count: text });
  }
});

pure(
  "givenArguments() reads true and false where they are expected, and a format in any case",
  () => {
    const given = { flag: "true", text: "false", response_format: "JSON" };
    assert.deepEqual(givenArguments(given, shape), {
      flag: true,
      text: "false",
      response_format: "json",
    });
    assert.deepEqual(givenArguments({ flag: "yes" }, shape), { flag: "yes" });
  },
);

Deno.test("no tool takes null as a value", async () => {
  for (const name of CONFIGURATION_NAMES) {
    for (const tool of await listTools(name)) {
      assert.doesNotMatch(JSON.stringify(tool.inputSchema), /"null"/, tool.name);
    }
  }
});
