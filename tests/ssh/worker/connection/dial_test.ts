import assert from "node:assert/strict";
import { createLogger } from "../../../../src/log.ts";
import { Dialer } from "../../../../src/ssh/worker/connection/dial.ts";
import { valueWithin } from "../../../../src/async/deadline.ts";
import { sessionTest, settingsOf } from "../../../support/session.ts";

sessionTest(
  "Dialer makes connections that close when the host stops answering",
  async ({ host, directory }) => {
    const logger = createLogger("error", [], () => {});
    const { socket } = await new Dialer(settingsOf(host, directory).ssh, logger, 50).dial(30_000);
    const closed = new Promise<true>((resolve) => socket.once("close", () => resolve(true)));
    host.freeze();
    assert.equal(await valueWithin(closed, 30_000), true);
    host.thaw();
  },
);

sessionTest(
  "Dialer makes connections that stay open while a silent host answers keepalives",
  async ({ host, directory }) => {
    const logger = createLogger("error", [], () => {});
    const { client, socket } = await new Dialer(settingsOf(host, directory).ssh, logger, 200)
      .dial(30_000);
    const answers = new Promise<true>((resolve) => {
      let count = 0;
      // Only answers to keepalives; three without an answer would close the connection.
      socket.on("data", () => ++count === 6 && resolve(true));
    });
    assert.equal(await valueWithin(answers, 30_000), true);
    assert.equal(socket.destroyed, false);
    client.end();
    socket.destroy();
  },
);

sessionTest(
  "Dialer accepts an unlisted key only if it is the one that an earlier worker has accepted",
  async ({ host, directory }) => {
    const logger = createLogger("error", [], () => {});
    const ssh = { ...settingsOf(host, directory).ssh, strictHostKeyChecking: false };
    const unlisted = { ...ssh, knownHostsPaths: [] };
    const dial = async (accepted: Map<number, Uint8Array>) => {
      const dialer = new Dialer(unlisted, logger, undefined, undefined, accepted);
      const { client, socket } = await dialer.dial(30_000);
      client.end();
      socket.destroy();
    };
    const accepted = new Map<number, Uint8Array>();
    await dial(accepted);
    const key = accepted.get(0);
    assert.ok(key);
    await dial(new Map([[0, Uint8Array.from(key)]]));
    const other = new Map([[0, key.map((byte, at) => at === key.length - 1 ? byte ^ 1 : byte)]]);
    await assert.rejects(dial(other), { code: "host_key_changed" });
  },
);
