import assert from "node:assert/strict";
import { peerTest, SSH_AGENT, SSHD } from "../peers/require.ts";
import { startSshd } from "../peers/sshd.ts";
import { startAgent } from "../support/agent.ts";
import { runProgram } from "../support/program.ts";
import { connectServer } from "../support/server.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

/** A home directory with an SSH configuration, and what the server needs besides. */
function makeHome(root: string, config: string): { HOME: string; I_ACCEPT_RISKS: string } {
  Deno.mkdirSync(`${root}/.ssh`, { recursive: true, mode: 0o700 });
  Deno.writeTextFileSync(`${root}/.ssh/config`, config, { mode: 0o600 });
  return { HOME: root, I_ACCEPT_RISKS: "true" };
}

peerTest({
  peer: [SSHD, SSH_AGENT],
  name: "HOST is an alias: the server takes address, login, key and algorithms from ~/.ssh/config",
  async fn() {
    await using sshd = await startSshd({ clientKeyTypes: ["ed25519", "ecdsa"] });
    using place = temporaryDirectory();
    const work = `${place.path}/work`;
    Deno.mkdirSync(work);
    const named = sshd.knownHostsText.replace(/^\S+/gm, "web.internal");
    Deno.writeTextFileSync(`${place.path}/known`, named);
    const socket = `${place.path}/agent.sock`;
    await using _agent = await startAgent(socket, sshd.keyPath);
    const block = (name: string, ...lines: readonly string[]) =>
      [`Host ${name}`, ...lines.map((line) => `  ${line}`)].join("\n");
    const common = block(
      "key agent default alias family cipher",
      ...[`HostName ${sshd.host}`, `Port ${sshd.port}`, `User ${sshd.username}`],
    );
    const known = `UserKnownHostsFile ${sshd.knownHostsPath}`;
    const env = {
      ...makeHome(
        place.path,
        [
          common,
          block("key", `IdentityFile ${sshd.keyPathOf("ecdsa")}`, known),
          block("agent", `IdentityFile ${sshd.keyPath}.pub`, "IdentitiesOnly yes", known),
          block("agent", `IdentityAgent ${socket}`),
          block("alias", "HostKeyAlias web.internal", `UserKnownHostsFile ${place.path}/known`),
          block("alias cipher", `IdentityFile ${sshd.keyPath}`),
          block("cipher", known, "Ciphers aes256-ctr", "MACs hmac-sha2-512", "AddressFamily inet"),
          block("cipher", "KexAlgorithms ecdh-sha2-nistp256", "ConnectTimeout 20"),
          block("default family", known),
          block("family", `IdentityFile ${sshd.keyPath}`, "AddressFamily inet6"),
        ].join("\n"),
      ),
      SSH_CONFIG: "",
      WORKING_DIRECTORY: work,
    };
    Deno.copyFileSync(sshd.keyPath, `${place.path}/.ssh/id_ed25519`);

    for (const name of ["key", "agent", "default", "alias", "cipher"]) {
      await using server = await connectServer({ cwd: work, env: { ...env, HOST: name } });
      const { data, text } = await server.call("ssh_exec_command", { command: "id -un" });
      assert.equal(data.stdout, `${sshd.username}\n`, `${name}: ${text}\n${server.server.stderr}`);
      assert.equal(data.host, `${name}:${sshd.port}`);
    }
    // The private key lies in the agent alone.
    const { stdout } = await runProgram(["permissions"], {
      cwd: work,
      env: { ...env, HOST: "agent" },
    });
    assert.match(stdout, new RegExp(`net +${sshd.host}:${sshd.port} \\(.*config:2, .*config:3\\)`));
    const doctor = await runProgram(["doctor"], { cwd: work, env: { ...env, HOST: "cipher" } });
    assert.equal(doctor.code, 0, doctor.stdout);
    assert.match(doctor.stdout, /ok {3}SSH configuration: HostName 127\.0\.0\.1 \(.*config:2\); /);
    assert.match(doctor.stdout, /ok {3}configuration: cipher is /);

    await using server = await connectServer({ cwd: work, env: { ...env, HOST: "family" } });
    const { data } = await server.call("ssh_exec_command", { command: "true" });
    assert.equal(data.code, "unreachable");
    assert.match(String(data.error), /it has no IPv6 address$/);
  },
});

peerTest({
  peer: SSHD,
  name: "a refused configuration is named with file, line and remedy to the client and by doctor",
  async fn() {
    using place = temporaryDirectory();
    const env = {
      ...makeHome(place.path, "Host web1\n  ProxyCommand nc %h %p\n"),
      ...{ HOST: "web1", SSH_CONFIG: "", SSH_PASSWORD: "x" },
    };
    await using server = await connectServer({ cwd: place.path, env });
    const { data } = await server.call("ssh_exec_command", { command: "true" });
    assert.equal(data.code, "not_configured");
    assert.match(
      String(data.error),
      /web1 cannot be used: ProxyCommand \(.*config:2\) runs a program/,
    );
    const doctor = await runProgram(["doctor"], { cwd: place.path, env });
    assert.equal(doctor.code, 2);
    assert.match(doctor.stderr, /config:2\).*\n {2}-> Write ProxyJump/);
    const off = await runProgram(["permissions"], {
      cwd: place.path,
      env: { ...env, SSH_CONFIG: "none" },
    });
    assert.match(off.stdout, /net +web1:22\n/);
  },
});
