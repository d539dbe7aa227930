/// <reference lib="deno.worker" />
// The real ssh worker, taken over: everything of it is loaded, and then the wrong things are tried.
import "../../../src/ssh/worker.ts";
import { type Target, tryEverything } from "./attempts.ts";

interface Task extends Target {
  /** A file that the worker may read and write, and one that it may read. */
  readonly own: string;
  readonly readable: string;
}

self.addEventListener("message", async ({ data }: MessageEvent<Task>) => {
  const { own, readable, host, port } = data;
  const allowed: Record<string, string> = {};
  const may = async (name: string, action: () => unknown) => {
    allowed[name] = await Promise.resolve().then(action).then(() => "possible", String);
  };
  await may("its host", async () => (await Deno.connect({ hostname: host, port })).close());
  await may("known_hosts", () => Deno.readTextFileSync(readable));
  await may("a file of its directory", () => Deno.writeTextFileSync(own, "x"));
  const results = await tryEverything(data);
  results["write: what it may only read"] = writing(readable);
  self.postMessage({ allowed, results });
});

function writing(path: string): string {
  try {
    Deno.writeTextFileSync(path, "x");
    return "POSSIBLE";
  } catch (error) {
    return error instanceof Deno.errors.NotCapable ? "refused" : String(error);
  }
}
