import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import type { Guard } from "../../../../src/ssh/worker/commands/guard.ts";
import { ProcessOrder } from "../../../../src/ssh/worker/commands/process_order.ts";
import { pure } from "../../../support/config.ts";

/** A channel for what is told of its end only. */
const channel = () => new EventEmitter() as unknown as ClientChannel;

pure("identify() goes on asking while other commands end one after the other", async () => {
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

pure("identify() gives up when the guard's list stays too short", async () => {
  const order = new ProcessOrder();
  const [guardChannel, wanted] = [channel(), channel()];
  for (const each of [guardChannel, channel(), wanted]) order.track(each, () => {});
  const guard: Pick<Guard, "pid" | "list"> = {
    pid: "1",
    list: () => Promise.resolve(["1:0", "2:0"]),
  };
  assert.equal(await order.identify(wanted, guard as Guard), undefined);
});
