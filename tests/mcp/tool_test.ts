import assert from "node:assert/strict";
import fc from "../support/property.ts";
import * as z from "zod";
import { modeBits, octalMode } from "../../src/mcp/arguments.ts";
import { defineTool, responseFormat } from "../../src/mcp/tool.ts";
import { pure } from "../support/pure.ts";

const context = { signal: new AbortController().signal, progress: undefined };

const tool = defineTool({
  name: "test_tool",
  title: "Test",
  description: "A tool for tests.",
  effect: "changes",
  input: z.strictObject({ count: z.number().default(2), response_format: responseFormat }),
  output: z.object({ count: z.number() }),
  run: ({ count }) => Promise.resolve({ text: String(count), data: { count } }),
});

pure("defineTool() checks arguments and fills in their defaults before it runs", async () => {
  assert.deepEqual(await tool.call({}, context), { text: "2", data: { count: 2 } });
  assert.deepEqual(await tool.call({ count: 5 }, context), { text: "5", data: { count: 5 } });
  // A predicate, because zod overrides instanceof for its errors.
  const doesNotFit = (error: unknown) => error instanceof z.ZodError;
  await assert.rejects(tool.call({ count: "5" }, context), doesNotFit);
  await assert.rejects(tool.call({ other: 1 }, context), doesNotFit);
});

pure("defineTool() makes a tool that only reads idempotent", () => {
  assert.equal(tool.idempotent, false);
  assert.equal(
    defineTool({ ...tool, run: tool.call, effect: "reads", idempotent: true }).idempotent,
    true,
  );
});

pure("octalMode accepts three octal digits written as a decimal number, or as a text", () => {
  for (const mode of [0, 400, 444, 600, 640, 644, 700, 755, 777]) {
    assert.equal(octalMode.parse(mode), mode);
    assert.equal(octalMode.parse(String(mode)), mode);
    assert.equal(octalMode.parse(`0${mode}`), mode);
    assert.equal(octalMode.parse(`0o${mode}`), mode);
  }
  for (const mode of [-1, 8, 80, 800, 778, 1000, 6.5, "", "x", "0688", "rw", "01777", Number.NaN]) {
    assert.equal(octalMode.safeParse(mode).success, false, String(mode));
  }
});

pure("octalMode refuses a number that looks like the decimal value of a mode", () => {
  const decimal = [0o644, 0o755, 0o600, 0o640, 0o664, 0o666, 0o700, 0o777, 0o770, 0o400, 0o500];
  for (const mode of [...decimal, 7, 44, 70, 466, 577]) {
    for (const given of [mode, String(mode)]) {
      assert.equal(octalMode.safeParse(given).success, false, String(mode));
    }
  }
  assert.equal(octalMode.parse("0420"), 420);
  assert.equal(octalMode.parse("007"), 7);
  const { error } = octalMode.safeParse(420);
  assert.deepEqual(error?.issues.map(({ message }) => message), [
    'Unusual permission value: 420. Write the octal digits as for chmod, for example 644 or "0644"; ' +
    'if you mean 0420, write "0420"',
  ]);
});

pure("octalMode says what a mode may look like", () => {
  const { error } = octalMode.safeParse(689);
  assert.equal(
    error?.issues[0]?.message,
    "Invalid octal permission value: 689. Each digit must be 0-7. Common values: " +
      "644 (rw-r--r--), 755 (rwxr-xr-x), 600 (rw-------), 700 (rwx------)",
  );
});

pure("modeBits() returns the bits of every octal mode", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0o777 }), (bits) => {
    assert.equal(modeBits(Number(bits.toString(8))), bits);
  }));
});
