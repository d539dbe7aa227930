import assert from "node:assert/strict";
import { flagsOf, projectFile, runtimeEnvironment } from "../support/program.ts";
import { startPlace } from "../support/places.ts";
import { ServerProcess } from "../support/server.ts";
import { ATTEMPTS } from "./probes/attempts.ts";

const allRefused = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, "refused"]));

/** What main says of itself when it serves, and what came on stdout meanwhile. */
async function probeMain(env: Record<string, string>, cwd: string) {
  const server = new ServerProcess({ env, cwd, entry: "tests/whole/probes/main_probe.ts" });
  const { code } = await server.ended();
  await server.close();
  assert.equal(code, 0, server.stderr);
  assert.deepEqual(server.stdoutLines, []);
  return JSON.parse(server.stderr.trim().split("\n").at(-1) ?? "");
}

Deno.test("main is refused everything once it serves", async () => {
  await using place = await startPlace();
  Deno.writeTextFileSync(`${place.directory}/mine.ts`, "");
  const { results, states } = await probeMain(place.env, place.directory);
  assert.deepEqual(results, allRefused(Object.keys(ATTEMPTS)));
  assert.deepEqual(Object.entries(states).filter(([, state]) => state === "granted"), []);
});

Deno.test("the ssh worker reaches its host and its files and is refused everything else", async () => {
  await using place = await startPlace();
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const secret = `${place.home}/secret.ts`;
  Deno.writeTextFileSync(secret, "export const secret = 1;");
  const task = {
    host: place.host.hostname,
    port: place.host.port,
    otherPort: other.addr.port,
    file: secret,
    directory: place.home,
    own: `${place.directory}/own`,
    readable: `${place.home}/.ssh/known_hosts`,
  };
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      ...flagsOf("start"),
      projectFile("tests/whole/probes/worker_probe.ts"),
      JSON.stringify(task),
    ],
    cwd: place.directory,
    env: { ...runtimeEnvironment(), ...place.env },
    clearEnv: true,
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.notEqual(text, "", new TextDecoder().decode(stderr));
  const { allowed, results } = JSON.parse(text);
  assert.deepEqual(allowed, {
    "its host": "possible",
    "known_hosts": "possible",
    "a file of its directory": "possible",
  });
  assert.deepEqual(
    results,
    allRefused([...Object.keys(ATTEMPTS), "write: what it may only read"]),
  );
  assert.equal(Deno.readTextFileSync(secret), "export const secret = 1;");
});
