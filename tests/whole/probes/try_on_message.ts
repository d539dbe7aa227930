/// <reference lib="deno.worker" />
import { type Target, tryEverything } from "./attempts.ts";

/** The task of a worker probe. */
export interface Task extends Target {
  /** What its row permits: files to read and write, addresses to connect to. */
  readonly may: {
    readonly call: readonly number[];
    readonly read: readonly string[];
    readonly write: readonly string[];
  };
  /** Files that it must not write, including those that it may read. */
  readonly mayNotWrite: readonly string[];
  readonly mayNotRead: readonly string[];
}

/** Waits for the task, tries everything and posts the results. */
export function tryOnMessage(): void {
  self.addEventListener("message", async ({ data }: MessageEvent<Task>) => {
    // The worker's own calls have another shape; its own listener handles them.
    if (data.may === undefined) return;
    const { may, mayNotWrite, mayNotRead, host } = data;
    const results = await tryEverything(data);
    for (const path of mayNotWrite) {
      results[`write: ${path}`] = await outcome(() => Deno.writeTextFileSync(path, "x"));
    }
    for (const path of mayNotRead) {
      results[`read: ${path}`] = await outcome(() => Deno.readTextFileSync(path));
    }
    const allowed = {
      call: await each(
        may.call,
        async (port) => (await Deno.connect({ hostname: host, port })).close(),
      ),
      read: await each(may.read, (path) => Deno.readTextFileSync(path)),
      write: await each(may.write, (path) => Deno.writeTextFileSync(path, "x")),
    };
    self.postMessage({ probe: { allowed, results } });
  });
}

const each = <T>(list: readonly T[], action: (one: T) => unknown): Promise<string[]> =>
  Promise.all(list.map((one) => outcome(() => action(one))));

async function outcome(action: () => unknown): Promise<string> {
  try {
    await action();
    return "POSSIBLE";
  } catch (error) {
    return error instanceof Deno.errors.NotCapable ? "refused" : String(error);
  }
}
