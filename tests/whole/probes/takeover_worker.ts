/// <reference lib="deno.worker" />
// The real worker of a host after a takeover: it works as before, and attacks or dies when it is told to.
import "../../../src/ssh/worker/main.ts";
import { ALLOWED, FORBIDDEN, forge, type TakeoverTask } from "./takeover_attacks.ts";

/** What main tells it. */
interface Told {
  readonly task?: TakeoverTask;
  readonly die?: true;
}

const channel = new BroadcastChannel("takeover");
channel.onmessage = async ({ data: { task, die } }: MessageEvent<Told>) => {
  if (task !== undefined) channel.postMessage({ results: await attack(task) });
  if (die) dieOfAnError();
};

async function attack(task: TakeoverTask): Promise<Record<string, string>> {
  const results: Record<string, string> = {};
  for (const [name, attempt] of Object.entries({ ...ALLOWED, ...FORBIDDEN })) {
    try {
      results[name] = `possible: ${await attempt(task)}`;
    } catch (error) {
      results[name] = `refused: ${error}`;
    }
  }
  forge(task);
  return results;
}

/** The real worker survives its errors; without this method it cannot. */
function dieOfAnError(): void {
  Event.prototype.preventDefault = () => {};
  queueMicrotask(() => {
    throw new Error("the worker dies");
  });
}
