import assert from "node:assert/strict";
import type { RemoteExecError } from "../../../../src/errors.ts";
import { createLogger } from "../../../../src/log.ts";
import { Dialer } from "../../../../src/ssh/worker/connection/dial.ts";
import type { DialedConnection } from "../../../../src/ssh/worker/connection/dialed.ts";
import { hostUnreachable } from "../../../../src/ssh/errors.ts";
import { ConnectionPool } from "../../../../src/ssh/worker/connection/pool.ts";
import { RemoteHost } from "../../../../src/ssh/worker/remote_host.ts";
import { sessionTest, settingsOf } from "../../../support/session.ts";

sessionTest(
  "ConnectionPool connects on the first call, once for concurrent calls",
  async ({ exec, host }) => {
    assert.equal(host.connectionCount(), 0);
    await Promise.all([exec("true"), exec("true"), exec("true")]);
    assert.equal(host.connectionCount(), 1);
  },
);

sessionTest(
  "ConnectionPool opens more connections for long commands, at most eight",
  async ({ exec, host }) => {
    const calls = Array.from({ length: 50 }, () => exec("sleep 1"));
    await Promise.all(calls);
    assert.ok(host.connectionCount() >= 2 && host.connectionCount() <= 8);
    assert.ok(host.sessionsPeak() <= 10);
  },
);

sessionTest(
  "ConnectionPool does not repeat a command that may have reached the host",
  async ({ exec, host }) => {
    await exec("true");
    const running = exec("echo x >> runs; sleep 300");
    await exec("while [ ! -e runs ]; do sleep 0.01; done");
    host.dropConnections();
    assert.equal((await running).ending, "connection_lost");
    await exec("true");
    assert.equal(Deno.readTextFileSync(`${host.directory}/runs`), "x\n");
  },
);

for (const before of [[], ["true"]]) {
  const asked: string[] = [];
  sessionTest(
    `ConnectionPool does not repeat a command that was requested and never answered, ${
      before.length === 0 ? "cold" : "warm"
    }`,
    async ({ exec }) => {
      for (const command of before) await exec(command);
      await assert.rejects(exec("touch once"), { code: "connection_lost" });
      assert.deepEqual((await exec("echo on")).stdout.text, "on\n");
      assert.equal(asked.filter((line) => line === "touch once").length, 1);
    },
    {
      host: {
        answerExec(line) {
          asked.push(line);
          return line === "touch once" ? "cut" : "start";
        },
      },
    },
  );
}

sessionTest(
  "ConnectionPool replaces a dead connection during one slow call",
  async ({ exec, host }) => {
    await exec("true");
    host.freeze();
    const call = exec("echo through", { timeoutMs: 20_000 });
    // New connections work and the old one stays dead, as after a change of networks.
    await assert.rejects(exec("true", { timeoutMs: 200 }));
    host.dropConnections();
    host.thaw();
    const outcome = await call.catch((error) => error);
    assert.ok(outcome.ending === "exit" || outcome.code === "connection_lost", String(outcome));
    assert.equal((await exec("echo next")).stdout.text, "next\n");
  },
);

sessionTest(
  "ConnectionPool reports an unreachable host to each call",
  async ({ exec, host }) => {
    await host.close();
    const calls = [exec("true"), exec("true")];
    for (const call of calls) {
      await assert.rejects(call, {
        code: "unreachable",
        message: /^SSH connection failed to 127\.0\.0\.1:/,
      });
    }
  },
);

sessionTest(
  "ConnectionPool refuses an unknown host key and names the line to add",
  async ({ exec, directory }) => {
    await assert.rejects(exec("true"), (error: RemoteExecError) => {
      assert.equal(error.code, "host_key_unknown");
      assert.match(
        error.message,
        /^Server '127\.0\.0\.1' not found in known_hosts: its ssh-ed25519 key/,
      );
      const file = `${directory}/../known_hosts`;
      assert.ok(error.suggestion.includes(` 127.0.0.1 >> ${file}\``), error.suggestion);
      return true;
    });
  },
  { forgetHostKey: true },
);

sessionTest(
  "ConnectionPool accepts an unknown host key if configured, and logs it",
  async ({ exec, logged }) => {
    assert.equal((await exec("echo in")).stdout.text, "in\n");
    assert.ok(
      logged.some((line) => /^\[warn\] the host key of 127\.0\.0\.1 is unknown/.test(line)),
    );
  },
  { strict: false, forgetHostKey: true },
);

sessionTest(
  "ConnectionPool connects again for a call whose attempt failed and whose other connection died",
  async ({ host, directory }) => {
    const logger = createLogger("error", [], () => {});
    const dialer = new Dialer(settingsOf(host, directory).ssh, logger);
    const failing = Promise.withResolvers<DialedConnection>();
    const dials = [() => dialer.dial(30_000), () => failing.promise, () => dialer.dial(30_000)];
    const dialled: DialedConnection[] = [];
    const pool = new ConnectionPool(
      async () => {
        const made = await dials.shift()?.();
        assert.ok(made !== undefined, "a fourth dial");
        dialled.push(made);
        return made;
      },
      30_000,
      logger,
    );
    const signal = new AbortController().signal;
    const wait = { deadlineMs: performance.now() + 60_000, limitMs: 60_000, signal };
    await pool.start("exec sleep 300", wait);
    const waiting = pool.start("exec sleep 300", wait);
    while (dials.length > 1) await new Promise((resolve) => setTimeout(resolve));
    failing.reject(hostUnreachable("127.0.0.1", 22, undefined, "the test says so"));
    await failing.promise.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve));
    dialled[0]?.socket.destroy();
    await waiting;
    assert.equal(dialled.length, 2);
    await pool.close(1_000);
  },
  { host: { maxSessions: 1 } },
);

Deno.test("ConnectionPool fails every one of a hundred calls to a host that refuses connections", async () => {
  let dials = 0;
  const dial = () => {
    dials++;
    return Promise.reject(hostUnreachable("127.0.0.1", 22, undefined, "the test says so"));
  };
  const pool = new ConnectionPool(dial, 5_000, createLogger("error"));
  const { signal } = new AbortController();
  const wait = { deadlineMs: performance.now() + 60_000, limitMs: 60_000, signal };
  const calls = Array.from({ length: 100 }, () => pool.start("true", wait));
  const codes = (await Promise.allSettled(calls)).map((call) =>
    call.status === "rejected" ? call.reason.code : call.status
  );
  assert.deepEqual(new Set(codes), new Set(["unreachable"]));
  assert.ok(dials >= 13 && dials <= 100, String(dials));
  await pool.close(1_000);
});

sessionTest(
  "ConnectionPool, closed, waits for sessions that the host has not closed yet",
  async (place) => {
    const { host, directory, exec } = place;
    const settings = settingsOf(host, directory);
    const session = new RemoteHost(
      { ...settings, ssh: { ...settings.ssh, guard: false } },
      createLogger("error"),
    );
    const wait = "(while [ ! -e over ]; do sleep 0.01; done) &";
    const signal = new AbortController().signal;
    // The command has ended, but what it left holds its session open.
    await session.exec({ command: `${wait} echo done`, timeoutMs: 30_000 }, signal, undefined);
    const closing = session.close(30_000);
    await exec("touch over");
    assert.equal(await closing, true);
  },
);

sessionTest("ConnectionPool, closed, ends its SFTP session", async ({ host, directory }) => {
  const settings = settingsOf(host, directory);
  const session = new RemoteHost(
    { ...settings, ssh: { ...settings.ssh, guard: false } },
    createLogger("error"),
  );
  Deno.writeTextFileSync(`${directory}/up`, "content");
  const request = {
    from: { kind: "local", path: "up" },
    to: { kind: "host", path: "there" },
    ...{ maxBytes: 1_000, overwrite: true },
  } as const;
  await session.copy(request, new AbortController().signal, undefined);
  assert.equal(await session.close(30_000), true);
});
