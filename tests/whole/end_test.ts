// @timed: the server must end within seconds.
import assert from "node:assert/strict";
import { isAlive } from "../fakes/ssh_host_client.ts";
import { type Place, startPlace } from "../support/places.ts";
import { runProgram } from "../support/program.ts";
import {
  type Connected,
  connectServer,
  END_LIMIT_MS,
  type ServerProcess,
} from "../support/server.ts";
import { until } from "../support/until.ts";

const ENDINGS: Readonly<Record<string, (server: ServerProcess) => unknown>> = {
  "stdin closes": (server) => server.close(),
  "SIGTERM arrives": (server) => server.kill("SIGTERM"),
  "SIGINT arrives": (server) => server.kill("SIGINT"),
};

/** Starts a long command and returns its pid on the host. */
async function startCommand(server: Connected): Promise<number> {
  const pid = Promise.withResolvers<number>();
  server.call("ssh_exec_command", { command: "echo $$; exec sleep 300" }, {
    onprogress: ({ message }) => {
      const found = Number(message?.split("\n")[1]);
      if (found > 0) pid.resolve(found);
    },
  }).catch(() => {}); // the answer does not matter: the server is about to be stopped
  return await pid.promise;
}

async function endsInTime(server: Connected, end: (server: ServerProcess) => unknown) {
  const began = performance.now();
  await end(server.server);
  const status = await server.server.ended();
  const took = performance.now() - began;
  assert.ok(took < END_LIMIT_MS, `it took ${took} ms`);
  return status;
}

for (const [what, end] of Object.entries(ENDINGS)) {
  Deno.test(`the server ends within two seconds when ${what}, with its command stopped`, async () => {
    await using place = await startPlace();
    await using server = await connectServer({ env: place.env, cwd: place.directory });
    const pid = await startCommand(server);
    assert.equal(isAlive(pid), true);
    const { code } = await endsInTime(server, end);
    assert.equal(code, 0, server.server.stderr);
    // The host stops the command when it has received the last messages of the server.
    assert.equal(await closed(place), 0);
    await until("the end of the command", () => !isAlive(pid));
  });

  Deno.test(`the server ends within two seconds when ${what} and the host is frozen`, async () => {
    await using place = await startPlace();
    await using server = await connectServer({ env: place.env, cwd: place.directory });
    await startCommand(server);
    place.host.freeze();
    const { code } = await endsInTime(server, end);
    assert.equal(code, 0, server.server.stderr);
    place.host.thaw();
  });

  Deno.test(`the server ends at once when ${what} and nothing was called`, async () => {
    await using place = await startPlace();
    await using server = await connectServer({ env: place.env, cwd: place.directory });
    const { code } = await endsInTime(server, end);
    assert.equal(code, 0, server.server.stderr);
    assert.equal(place.host.connectionCount(), 0);
  });
}

/** Returns the number of open connections after the host has received everything that was sent. */
async function closed({ host }: Place): Promise<number> {
  await until("the end of the connections", () => host.openConnections() === 0);
  return host.openConnections();
}

Deno.test("the server ends when its stdin is at its end from the beginning", async () => {
  await using place = await startPlace();
  const { code, stdout } = await runProgram([], { cwd: place.directory, env: place.env });
  assert.deepEqual([code, stdout], [0, ""]);
});

Deno.test("the server ends when a client goes away in the middle of a line", async () => {
  await using place = await startPlace();
  const { code, stdout } = await runProgram([], {
    cwd: place.directory,
    env: place.env,
    stdin: '{"jsonrpc":"2.0","id":1,"method":"init',
  });
  assert.deepEqual([code, stdout], [0, ""]);
});
