/// <reference lib="deno.worker" />
// A worker for tests that dies, survives and rejects on demand.
import { RemoteExecError } from "../../src/errors.ts";
import { createLogger } from "../../src/log.ts";
import { expose, surviveDefects } from "../../src/rpc/expose.ts";

const logger = createLogger("error", [], () => {});

expose({
  answer: () => Promise.resolve("alive"),
  hang: () => new Promise(() => {}),
  die: () => {
    queueMicrotask(() => {
      throw new Error("the probe dies");
    });
    return new Promise(() => {});
  },
  harden: () => Promise.resolve(surviveDefects(logger)),
  rejectUnseen: () => {
    Promise.reject(new Error("nobody waits for this"));
    return Promise.resolve("done");
  },
  fail: () => Promise.reject(new RemoteExecError("locked", "it is locked", "Unlock it")),
}, logger);
