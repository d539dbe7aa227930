import assert from "node:assert/strict";
import { RECORDING, recordingSvg, recordScenes } from "../../docs/recording.ts";

Deno.test("docs/demo.svg shows what the program prints", async () => {
  const current = recordingSvg(await recordScenes());
  const message = "docs/demo.svg is out of date: run `deno task recording`";
  assert.equal(Deno.readTextFileSync(RECORDING), current, message);
});
