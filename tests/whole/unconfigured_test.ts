import assert from "node:assert/strict";
import { Client, type VersionNegotiationMode } from "@modelcontextprotocol/client";
import { peerTest, SCRIPT } from "../peers/require.ts";
import { programCommand, runProgram, runtimeEnvironment } from "../support/program.ts";
import { ERAS, RawClient, read } from "../support/raw_client.ts";
import { ServerProcess } from "../support/server.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { CORE } from "../support/config.ts";

const FAULTY = { SSH_PORT: "ssh", SSH_PASSWORD: "correct horse", SSH_USER: "bob" };
const EXPECTED = [
  "You must explicitly accept the risks before using this software.",
  "  -> Set I_ACCEPT_RISKS=true",
  'SSH_PORT must be a whole number from 1 to 65535: got "ssh"\n  -> Correct SSH_PORT',
  "No SSH host configuration found. Set HOST environment variable\n  -> Set HOST",
  "SSH_USER is not read: the variable is SSH_USERNAME\n  -> Rename SSH_USER",
];
/** Every way in which the SDK's current client opens a connection. */
const MODES: readonly VersionNegotiationMode[] = ["auto", { pin: "2026-07-28" }, "legacy"];

for (const mode of MODES) {
  Deno.test(`an unconfigured server lists the core tools and answers each call with all faults (${JSON.stringify(mode)})`, async () => {
    using place = temporaryDirectory();
    const server = new ServerProcess({ env: FAULTY, cwd: place.path });
    const client = new Client({ name: "tests", version: "1" }, { versionNegotiation: { mode } });
    await client.connect(server);
    try {
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map(({ name }) => name), CORE);
      const instructions = client.getInstructions() ?? "";
      assert.match(instructions, /^This server is not configured/);
      assert.match(instructions, /No SSH host configuration found.* -> Set HOST/);
      assert.ok(instructions.length <= 1_900);
      for (const name of [...CORE, "proxmox_list_vms"]) {
        const { isError, content, structuredContent } = await client.callTool({
          name,
          arguments: { command: "true" },
        });
        assert.equal(isError, true);
        const { code, error } = structuredContent as Record<string, string>;
        assert.equal(code, "not_configured");
        for (const fault of EXPECTED) {
          assert.ok(error?.includes(fault), error);
          assert.ok(content[0]?.type === "text" && content[0].text.includes(fault));
        }
        assert.doesNotMatch(JSON.stringify([content, structuredContent]), /correct horse/);
      }
    } finally {
      await server.close();
    }
    assert.equal((await server.ended()).code, 0);
    assert.match(server.stderr, /^\[error\] the server is not configured/m);
    assert.doesNotMatch(server.stderr + server.stdoutLines.join(""), /correct horse/);
  });
}

for (const era of ERAS) {
  Deno.test(`an unconfigured server answers what it does not know like any other (${era})`, async () => {
    using place = temporaryDirectory();
    await using client = await RawClient.connect({ env: {}, cwd: place.path }, era);
    await client.send({ id: 0, method: "prompts/list" });
    assert.equal(read(await client.answerTo(0), "error", "code"), -32_601);
    await client.send({ id: "", method: "tools/call", params: { name: "ssh_exec_command" } });
    const { result } = await client.answerTo("");
    assert.equal(read(result, "structuredContent", "code"), "not_configured");
  });
}

Deno.test("an unconfigured server writes nothing to the disk and ends with 0 at end of file", async () => {
  using place = temporaryDirectory();
  const env = { HOME: place.path, AUDIT_LOG: `${place.path}/audit.jsonl` };
  const { code, stdout, stderr } = await runProgram([], { cwd: place.path, env });
  assert.deepEqual([code, stdout], [0, ""]);
  assert.match(stderr, /^You must explicitly accept the risks/m);
  assert.deepEqual([...Deno.readDirSync(place.path)], []);
});

Deno.test("an unconfigured server ends with 0 on a signal", async () => {
  using place = temporaryDirectory();
  const client = await RawClient.connect({ env: {}, cwd: place.path }, "legacy");
  client.server.kill("SIGTERM");
  assert.equal((await client.server.ended()).code, 0);
  await client.server.close();
});

Deno.test("a file of variables that is missing is named to the client as well", async () => {
  using place = temporaryDirectory();
  const args = ["--env-file", "none.env"];
  await using client = await RawClient.connect({ env: {}, cwd: place.path, args }, "current");
  await client.exec(1, "true");
  const { result } = await client.answerTo(1);
  assert.match(
    `${read(result, "structuredContent", "error")}`,
    /^Cannot read the environment file: none\.env\n {2}-> Correct --env-file/m,
  );
});

Deno.test("STRICT_START exits with 2 and the faults, also when the file of variables is missing or sets it", async () => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/strict.env`, "STRICT_START=TRUE\n");
  const missing = ["--env-file", "none.env"];
  const strict = { STRICT_START: "true" };
  for (
    const [args, env, expected] of [
      [[], strict, /^You must explicitly accept/],
      [missing, strict, /^Cannot read the environment file: none\.env\n {2}-> /],
      [["--env-file", "strict.env"], {}, /^You must explicitly accept/],
    ] as const
  ) {
    const { code, stdout, stderr } = await runProgram(args, { cwd: place.path, env });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, expected);
  }
});

Deno.test("doctor and permissions exit with 2 and the faults", async () => {
  using place = temporaryDirectory();
  for (const command of ["doctor", "permissions"]) {
    const { code, stdout, stderr } = await runProgram([command], { cwd: place.path });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^You must explicitly accept the risks/);
  }
});

peerTest({
  peer: SCRIPT,
  name: "on a terminal, the faults are on stderr and the exit code is 2",
  async fn() {
    using place = temporaryDirectory();
    const { path, args } = programCommand();
    const command = [path, ...args].map((word) => `'${word}'`).join(" ");
    const { code, stdout } = await new Deno.Command("/usr/bin/script", {
      args: ["-qec", command, "/dev/null"],
      cwd: place.path,
      env: { ...runtimeEnvironment(), SHELL: "/bin/sh" },
      clearEnv: true,
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.equal(code, 2, text);
    assert.match(text, /^You must explicitly accept the risks/);
  },
});
