import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { endCommand } from "../../../../src/ssh/worker/commands/end_command.ts";
import type { Guard } from "../../../../src/ssh/worker/commands/guard.ts";
import { ProcessOrder } from "../../../../src/ssh/worker/commands/process_order.ts";
import { pure } from "../../../support/config.ts";

/** Ends one command with a guard that gives these answers, one after the other; gives what was asked. */
async function endWith(answers: readonly number[]) {
  const signals: string[] = [];
  const channels = [0, 1].map(() => {
    const events = new EventEmitter();
    const signal = (name: string) => {
      signals.push(name);
      events.emit("close");
    };
    return Object.assign(events, { signal }) as unknown as ClientChannel;
  });
  const order = new ProcessOrder();
  for (const channel of channels) order.track(channel, () => {});
  const left = [...answers];
  const guard: Pick<Guard, "pid" | "list" | "end"> = {
    pid: "1",
    list: () => Promise.resolve(["1:0", "2:0"]),
    end: () => Promise.resolve(left.length > 1 ? left.shift() : left[0]),
  };
  const ended = await endCommand(channels[1] ?? assert.fail(), {
    guard: guard as Guard,
    order,
    isAlive: () => true,
    graceMs: undefined,
  });
  return { ended, signals };
}

pure("endCommand() asks again while a process is too young to lead its session", async () => {
  assert.deepEqual(await endWith([-1, -1, 0]), { ended: true, signals: [] });
});

pure("endCommand() takes a signal for a process that never leads a session", async () => {
  assert.deepEqual(await endWith([-1]), { ended: false, signals: ["KILL"] });
});
