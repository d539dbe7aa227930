/// <reference lib="deno.worker" />
import { createLogger } from "../../../src/log.ts";
import { expose } from "../../../src/rpc/expose.ts";

expose({
  exec({ command }: { command: string }) {
    if (command === "die") {
      queueMicrotask(() => {
        throw new Error("the worker dies");
      });
    }
    return new Promise(() => {});
  },
}, createLogger("error"));
