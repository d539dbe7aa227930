import assert from "node:assert/strict";
import { withLook } from "../../src/proxmox/look.ts";

const run = async ([path, ...args]: readonly string[]) => {
  const { code, stdout } = await new Deno.Command(path ?? "", { args }).output();
  return [code, new TextDecoder().decode(stdout)];
};

Deno.test("a look says what is wrong if its result does not come", async () => {
  const look = { words: ["echo", "status: stopped"], line: "status: running" };
  const found = "\n=== READ BACK ===\nstatus: stopped\n[ERROR]";
  assert.deepEqual(await run(withLook(["true"], look)), [
    1,
    `${found} The command reported success, but the result differs: expected "status: running"\n`,
  ]);
  const unmet = "HA has not carried out the request in time";
  assert.deepEqual(await run(withLook(["true"], { ...look, unmet })), [
    1,
    `${found} ${unmet}: expected "status: running"\n`,
  ]);
});
