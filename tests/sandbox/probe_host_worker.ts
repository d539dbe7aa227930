/// <reference lib="deno.worker" />
// The worker of a host after a takeover.
import { createLogger } from "../../src/log.ts";
import { expose } from "../../src/rpc/expose.ts";

/** What the worker was configured with. */
let memory: unknown;
/** It answers nothing anymore, as if it were busy or had closed itself. */
let isSilent = false;
/** What it says that it has learned; the rest is not. */
const LEARNED = {
  hostKeys: [[0, Uint8Array.of(1, 2)], ["1", Uint8Array.of(3)], [2, "key"]],
  isSudoWrong: true,
  more: "much more",
};

const logger = createLogger("error", [], () => {});

/** Returns the name of what an attempt throws, or "done". */
async function attempt(run: () => unknown): Promise<string> {
  try {
    await run();
    return "done";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

async function connect(port: number): Promise<void> {
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
}

/** Starts a worker with more permissions than this one has. */
function nested(permissions: Deno.PermissionOptionsObject): void {
  const module = URL.createObjectURL(new Blob([""], { type: "text/javascript" }));
  new Worker(module, { type: "module", deno: { permissions } }).terminate();
}

/** What launcher and main could take for a request. */
function forge(): void {
  const { port1, port2 } = new MessageChannel();
  globalThis.postMessage([{ net: ["127.0.0.1:1"], read: ["/"], write: ["/"] }]);
  globalThis.postMessage({ start: 77, row: 1, port: port2 }, [port2]);
  globalThis.postMessage({ end: 1 });
  globalThis.postMessage({ died: 1, message: "forged" });
  port1.close();
}

globalThis.addEventListener("message", ({ data }) => {
  if (!(data instanceof MessagePort)) return;
  expose(
    {
      configure: (settings: { readonly memory?: unknown }) => {
        memory = settings.memory;
        return Promise.resolve();
      },
      memory: () => isSilent ? new Promise(() => {}) : Promise.resolve(LEARNED),
      sendFile: () => Promise.resolve({}),
      diagnose: () => Promise.resolve(memory),
      close: () => Promise.resolve(true),
      exec: () => Promise.resolve("alive"),
      serveFiles: (end: MessagePort) => Promise.resolve(end.close()),
      stat: () => new Promise(() => {}),
      stopJob() {
        isSilent = true;
        return new Promise(() => {});
      },
      forge: () => Promise.resolve(forge()),
      connect: (port: number) => attempt(() => connect(port)),
      read: (path: string) => attempt(() => Deno.readTextFileSync(path)),
      write: (path: string) => attempt(() => Deno.writeTextFileSync(path, "")),
      environment: () => attempt(() => Deno.env.get("HOME")),
      run: () => attempt(() => new Deno.Command("/bin/true").outputSync()),
      nested: (permissions: Deno.PermissionOptionsObject) => attempt(() => nested(permissions)),
      listJobs: () => {
        queueMicrotask(() => {
          throw new Error("the worker of a host dies");
        });
        return new Promise(() => {});
      },
    },
    logger,
    data,
  );
});
