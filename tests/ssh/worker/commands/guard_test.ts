import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { Guard } from "../../../../src/ssh/worker/commands/guard.ts";
import { pure } from "../../../support/pure.ts";

/** Returns a guard whose script answers a line with these words. */
function guardThat(answers: (line: string) => readonly string[]): Guard {
  const channel = Object.assign(new EventEmitter(), {
    stderr: { resume() {} },
    write(line: string) {
      for (const words of answers(line.trim())) {
        channel.emit("data", new TextEncoder().encode(`token ${words}\n`));
      }
    },
  });
  return new Guard(channel as unknown as ClientChannel, "token"); // the parts that a guard uses
}

pure("end() waits for a busy guard as long as it answers other questions", async () => {
  let lists = 0;
  const guard = guardThat((line) => {
    if (line.startsWith("k")) return [];
    return [line, ...(++lists === 3 ? ["k 1 0"] : [])];
  });
  assert.equal(await guard.end("7:1", 5), 0);
  assert.equal(lists, 3);
});

pure("end() does not wait longer for a guard that answers nothing, and not forever", async () => {
  const asked: string[] = [];
  const silent = guardThat((line) => {
    asked.push(line);
    return [];
  });
  assert.equal(await silent.end("7:1", 5), undefined);
  assert.deepEqual(asked, ["k 1 7:1", "l 2"]);
  const busy = guardThat((line) => line.startsWith("k") ? [] : [line]);
  assert.equal(await busy.end("7:1", 5), undefined);
});
