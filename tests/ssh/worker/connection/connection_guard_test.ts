import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { createLogger } from "../../../../src/log.ts";
import { ProcessOrder } from "../../../../src/ssh/worker/commands/stop_command.ts";
import { ConnectionGuard } from "../../../../src/ssh/worker/connection/connection_guard.ts";
import { HostTraits } from "../../../../src/ssh/worker/connection/host_traits.ts";
import { SessionCount } from "../../../../src/ssh/worker/connection/sessions.ts";
import { pure } from "../../../support/pure.ts";

pure(
  "ConnectionGuard notices that its guard ended while its first line was on the way",
  async () => {
    const traits = new HostTraits();
    traits.meet("OpenSSH_9.2p1 Debian-2");
    traits.loginIsFree();
    const lost = Promise.withResolvers<void>();
    const guard = new ConnectionGuard({
      ...{ traits, sessions: new SessionCount(traits), order: new ProcessOrder() },
      logger: createLogger("error", [], () => {}),
      isAlive: () => true,
      open(command) {
        const token = /g[0-9a-f]{32}/.exec(command)?.[0];
        const parts = { stderr: { resume() {} }, write() {}, close() {} };
        const emitter = Object.assign(new EventEmitter(), parts);
        emitter.on("newListener", (event) => {
          // The last listener: the line and the end come in one piece.
          if (event !== "error") return;
          queueMicrotask(() => {
            emitter.emit("data", new TextEncoder().encode(`${token} ready 7\n`));
            emitter.emit("close");
          });
        });
        const channel = emitter as unknown as ClientChannel; // the parts that a guard uses
        const exited = new Promise<never>(() => {});
        return Promise.resolve({ channel, exited });
      },
      onChange() {},
      onGivenUp() {},
      onLoss: lost.resolve,
    });
    await lost.promise;
    assert.equal(guard.current, undefined);
  },
);
