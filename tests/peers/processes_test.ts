import assert from "node:assert/strict";
import { aliveWithMarker, endProcesses } from "./processes.ts";

Deno.test({
  name: "aliveWithMarker() finds one of a chain of processes that each start the next one and end",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const marker = `chain-${crypto.randomUUID()}`;
    const find = () => aliveWithMarker(marker);
    const shell = new Deno.Command("/bin/sh", {
      args: ["-c", "hop() { sleep 0.003; hop & }; hop"],
      env: { MARKER: marker },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    await shell.spawn().status;
    const counts = Array.from({ length: 20 }, () => find().length);
    await endProcesses(find(), find);
    assert.ok(counts.every((count) => count > 0), `${counts}`);
  },
});
