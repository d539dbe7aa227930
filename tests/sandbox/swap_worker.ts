/// <reference lib="deno.worker" />
// Replaces the module of every worker that this isolate starts with one that attacks on demand.
const RealWorker = globalThis.Worker;
let started = 0;

globalThis.Worker = class extends RealWorker {
  constructor(_url: string | URL, options?: WorkerOptions) {
    started++;
    super(new URL("./probe_host_worker.ts", import.meta.url), options);
  }
};

// Tests ask how many workers the launcher has started.
globalThis.addEventListener("message", ({ data }) => {
  if (data instanceof MessagePort) data.postMessage(started);
});
