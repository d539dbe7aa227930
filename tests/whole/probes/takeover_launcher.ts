/// <reference lib="deno.worker" />
// The real launcher. The first host's worker attacks; the others are real.
// Not imported later: messages that arrive during an import find no listener.
import "../../../src/sandbox/launcher.ts";

const RealWorker = globalThis.Worker;
let started = 0;

globalThis.Worker = class extends RealWorker {
  constructor(url: string | URL, options?: WorkerOptions) {
    started++;
    const isFirst = options?.name === "host 0";
    super(isFirst ? new URL("./takeover_worker.ts", import.meta.url) : url, options);
  }
};

// See tests/sandbox/probe_launcher_count.ts.
globalThis.addEventListener("message", ({ data }) => {
  if (data instanceof MessagePort) data.postMessage(started);
});
