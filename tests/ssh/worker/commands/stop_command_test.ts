import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { ProcessOrder, stopCommand } from "../../../../src/ssh/worker/commands/stop_command.ts";
import type { Guard } from "../../../../src/ssh/worker/commands/guard.ts";
import { pure } from "../../../support/pure.ts";

/** Stops one command with a guard that returns these answers in order; returns the result and the signals. */
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
  const ended = await stopCommand(channels[1] ?? assert.fail(), {
    guard: guard as Guard,
    order,
    isAlive: () => true,
    graceMs: undefined,
  });
  return { ended, signals };
}

pure("stopCommand() retries while a process does not lead its session yet", async () => {
  assert.deepEqual(await endWith([-1, -1, 0]), { ended: true, signals: [] });
});

pure("stopCommand() uses a signal for a process that never leads a session", async () => {
  assert.deepEqual(await endWith([-1]), { ended: false, signals: ["KILL"] });
});

/** A channel that only emits events. */
const channel = () => new EventEmitter() as unknown as ClientChannel;

pure("identify() retries while other commands end", async () => {
  const order = new ProcessOrder();
  const others = Array.from({ length: 20 }, channel);
  const [guardChannel, wanted] = [channel(), channel()];
  for (const each of [guardChannel, ...others, wanted]) order.track(each, () => {});
  const guard: Pick<Guard, "pid" | "list"> = {
    pid: "1",
    list() {
      const marks = ["1:0", ...others.map((_, index) => `${index + 2}:0`), "99:0"];
      others.shift()?.emit("exit", 0);
      return Promise.resolve(marks);
    },
  };
  assert.equal(await order.identify(wanted, guard as Guard), "99:0");
});

pure("identify() returns undefined if the guard's list stays too short", async () => {
  const order = new ProcessOrder();
  const [guardChannel, wanted] = [channel(), channel()];
  for (const each of [guardChannel, channel(), wanted]) order.track(each, () => {});
  const guard: Pick<Guard, "pid" | "list"> = {
    pid: "1",
    list: () => Promise.resolve(["1:0", "2:0"]),
  };
  assert.equal(await order.identify(wanted, guard as Guard), undefined);
});
