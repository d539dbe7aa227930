/** What the worker of one host can do to the others after it was taken over. */
import assert from "node:assert/strict";
import { type SshHost, startSshHost } from "../fakes/ssh_host.ts";
import { privateKeyOf, publicKeyOf } from "../fakes/ssh_host_keys.ts";
import { runCommand } from "../support/command.ts";
import { runtimeEnvironment } from "../support/program.ts";
import { flagsOf, projectFile } from "../support/project.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const PROBE = "tests/whole/probes/takeover_probe.ts";
const MODULES = [
  "tests/whole/probes/takeover_launcher.ts",
  "tests/whole/probes/takeover_worker.ts",
  "src/ssh/worker/main.ts",
];

Deno.test("the worker of a host, taken over, reaches no other host, its key or its traffic", async () => {
  using place = temporaryDirectory();
  const keys = { first: privateKeyOf("ed25519"), second: privateKeyOf("ed25519") };
  const start = (name: keyof typeof keys) => {
    Deno.writeTextFileSync(`${place.path}/${name}.key`, keys[name]);
    const users = [{ name, publicKeys: [publicKeyOf(keys[name])] }];
    return startSshHost({ env: { HOST_NAME: name }, users });
  };
  await using first = await start("first");
  await using second = await start("second");
  const env = environment(place.path, [first, second]);
  const { path, args } = await probeCommand(place.path);
  const belongings = ({ hostname: host, port }: SshHost, name: string) => ({
    ...{ host, port, key: `${place.path}/${name}.key` },
  });
  const own = belongings(first, "first");
  const task = { own, other: belongings(second, "second"), maxFd: 60 };
  const input = "the client's request\n";
  Deno.writeTextFileSync(`${place.path}/input`, input);
  const piped = ["-c", 'cat input | "$0" "$@"', path, ...args, JSON.stringify(task)];
  const { code, stdout, stderr } = await runCommand("/bin/sh", piped, {
    ...{ env: { ...runtimeEnvironment(), ...env }, cwd: place.path },
  });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  const { results, before, during, after, death, started, stdin } = JSON.parse(
    stderr.trim().split("\n").at(-1) ?? "",
  );
  const possible = Object.entries<string>(results)
    .filter(([, result]) => result.startsWith("possible")).map(([name]) => name);
  assert.deepEqual(
    possible,
    ["connect to its own host", "read its own key"],
    JSON.stringify(results, null, 1),
  );
  assert.deepEqual([before, after], [["first\n", "second\n"], ["first\n", "second\n"]]);
  assert.deepEqual(during, ["second\n"]);
  assert.equal(stdin, input);
  // It has died, the other one has not, and the next call has started it again.
  assert.deepEqual(death, ["worker_died", "second\n", "first\n"]);
  assert.equal(started, 3);
  assert.equal(second.connectionCount(), 1);
});

function environment(directory: string, hosts: readonly [SshHost, SshHost]) {
  const names = ["first", "second"] as const;
  const blocks = names.map((name, at) => {
    const host = hosts[at];
    assert.ok(host);
    Deno.writeTextFileSync(`${directory}/${name}.known`, host.hostKeyLines());
    return [
      ...[`Host ${name}`, `HostName ${host.hostname}`, `Port ${host.port}`],
      ...[`User ${host.username}`, `IdentityFile ${directory}/${name}.key`],
      ...[`UserKnownHostsFile ${directory}/${name}.known`, ""],
    ].join("\n");
  });
  Deno.writeTextFileSync(`${directory}/config`, blocks.join(""));
  Deno.mkdirSync(`${directory}/work`);
  return {
    ...{ I_ACCEPT_RISKS: "true", HOME: directory, SSH_CONFIG: `${directory}/config` },
    ...{ HOSTS: names.join(","), WORKING_DIRECTORY: `${directory}/work` },
  };
}

/** Returns the command line of the probe: from source, or compiled like the binary that is tested, but not bundled. */
async function probeCommand(directory: string): Promise<{ path: string; args: string[] }> {
  if (Deno.env.get("MRE_BINARY") === undefined) {
    return { path: Deno.execPath(), args: ["run", ...flagsOf("start"), projectFile(PROBE)] };
  }
  const path = `${directory}/probe`;
  const flags = flagsOf("compile").filter((flag) => !/^--(include|output)=/.test(flag));
  const included = MODULES.map((module) => `--include=${projectFile(module)}`);
  const compile = ["compile", ...flags, ...included, `--output=${path}`, projectFile(PROBE)];
  const { code, stderr } = await runCommand(Deno.execPath(), compile);
  assert.equal(code, 0, stderr);
  return { path, args: [] };
}
