import assert from "node:assert/strict";
import { createLogger } from "../../../../src/log.ts";
import { Dialer } from "../../../../src/ssh/worker/connection/dial.ts";
import { valueWithin } from "../../../../src/async/deadline.ts";
import { sessionTest, settingsOf } from "../../../support/session.ts";

sessionTest(
  "Dialer makes connections that close when the host stops answering",
  async ({ host, directory }) => {
    const logger = createLogger("error", [], () => {});
    const { socket } = await new Dialer(settingsOf(host, directory).ssh, logger, 50).dial(5_000);
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
      .dial(5_000);
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
