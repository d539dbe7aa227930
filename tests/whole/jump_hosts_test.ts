import assert from "node:assert/strict";
import { ask } from "../downloads/http.ts";
import { content } from "../fakes/ssh_host_client.ts";
import { until } from "../peers/openssh.ts";
import { peerTest, SSHD } from "../peers/require.ts";
import { aliveWithMarker, type Sshd, startSshd } from "../peers/sshd.ts";
import { runProgram } from "../support/program.ts";
import { connectServer } from "../support/server.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

/** Three servers, of which each is to be reached through the one before. */
interface Chain extends AsyncDisposable {
  readonly bastion: Sshd;
  readonly middle: Sshd;
  readonly inner: Sshd;
}

async function startChain(): Promise<Chain> {
  const [bastion, middle, inner] = await Promise.all([startSshd(), startSshd(), startSshd()]);
  return {
    ...{ bastion, middle, inner },
    async [Symbol.asyncDispose]() {
      await Promise.all([bastion.close(), middle.close(), inner.close()]);
    },
  };
}

const block = (name: string, sshd: Sshd, ...lines: readonly string[]) =>
  [
    `Host ${name}`,
    // The first value counts, so a test can replace those below.
    ...lines,
    ...[`HostName ${sshd.host}`, `Port ${sshd.port}`, `User ${sshd.username}`],
    ...[`IdentityFile ${sshd.keyPath}`, `UserKnownHostsFile ${sshd.knownHostsPath}`, ""],
  ].join("\n");

const configOf = ({ bastion, middle, inner }: Chain, ...extra: readonly string[]) =>
  block("bastion", bastion) + block("middle", middle, ...extra) +
  block("inner", inner, "ProxyJump bastion,middle");

function environment(directory: string, config: string): Record<string, string> {
  const path = `${directory}/config`;
  Deno.writeTextFileSync(path, config);
  Deno.mkdirSync(`${directory}/work`, { recursive: true });
  return {
    ...{ I_ACCEPT_RISKS: "true", HOST: "inner", SSH_CONFIG: path, TIMEOUT: "20" },
    ...{ HOME: directory, WORKING_DIRECTORY: `${directory}/work` },
  };
}

peerTest({
  peer: SSHD,
  name:
    "commands, files, jobs and links work through two jump hosts, and only the first one is permitted",
  async fn() {
    await using chain = await startChain();
    using place = temporaryDirectory();
    const { inner, bastion } = chain;
    const env = environment(place.path, configOf(chain));
    // Only root can make accounts with a password.
    if (chain.middle.password !== null) env.SSH_PASSWORD_MIDDLE = chain.middle.password;
    const cwd = `${place.path}/work`;
    const { stdout } = await runProgram(["permissions"], { cwd, env });
    const net = /^ {2}net +(.*)$/m.exec(stdout)?.[1];
    assert.equal(net, `${bastion.host}:${bastion.port} (${env.SSH_CONFIG}:2, ${env.SSH_CONFIG}:3)`);
    for (const name of ["jump host bastion", "jump host middle", "host inner"]) {
      assert.ok(stdout.includes(`${name}\n`), stdout);
    }

    {
      await using server = await connectServer({ cwd, env });
      const run = (command: string, timeout = 20) =>
        server.call("ssh_exec_command", { command, timeout });
      assert.equal(
        (await run("id -un; echo $MRE_SESSION")).data.stdout,
        `${inner.username}\n${inner.marker}\n`,
      );

      const bytes = content(3_000_017);
      Deno.writeFileSync(`${cwd}/up.bin`, bytes);
      const up = await server.call("ssh_upload_file", {
        local_path: "up.bin",
        remote_path: "up.bin",
      });
      assert.equal(up.data.verified, "sha256", up.text);
      const down = await server.call("ssh_download_file", {
        remote_path: "up.bin",
        local_path: "down.bin",
      });
      assert.equal(down.data.verified, "sha256", down.text);
      assert.ok(bytes.equals(Deno.readFileSync(`${cwd}/down.bin`)));
      await server.call("ssh_write_file", { path: "text.txt", content: "one\n" });
      assert.equal((await server.call("ssh_read_file", { path: "text.txt" })).data.text, "one\n");

      const job = await server.call("ssh_start_job", { command: "echo from the job" });
      const output = await server.call("ssh_job_output", {
        job_id: job.data.job_id,
        wait_seconds: 20,
      });
      assert.match(output.text, /from the job/);
      const link = await server.call("generate_download_link", {
        path: `${inner.home}/up.bin`,
        source: "host",
      });
      assert.equal(link.isError, false, link.text);
      assert.ok(bytes.equals((await ask(String(link.data.download_url))).bytes));

      const stopped = await run("sleep 300", 10);
      assert.deepEqual([stopped.data.timeout_reached, stopped.data.process_ended], [true, true]);
      // The link to the first hop breaks: the next call connects again.
      await bastion.killConnections();
      await until(
        "a new connection",
        async () => (await run("echo again")).data.stdout === "again\n",
      );
    }
    await until(
      "the end of all sessions",
      () =>
        [chain.bastion, chain.middle, inner].every(({ marker }) =>
          aliveWithMarker(marker).length === 0
        ),
    );
  },
});

peerTest({
  peer: SSHD,
  name: "a message says which jump host failed, and why",
  async fn() {
    await using chain = await startChain();
    using place = temporaryDirectory();
    const { bastion, middle, inner } = chain;
    using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const otherKeys = await startSshd();
    await using _other = otherKeys;
    const fails = async (config: string, code: string, message: RegExp, suggestion: RegExp) => {
      const env = environment(place.path, config);
      await using server = await connectServer({ cwd: `${place.path}/work`, env });
      const { data } = await server.call("ssh_exec_command", { command: "true" });
      assert.equal(data.code, code, String(data.error));
      assert.match(String(data.error), message);
      assert.match(String(data.suggestion), suggestion);
    };
    const byHand = /^Try by hand: ssh middle; then correct/;
    await fails(
      configOf(chain, `IdentityFile ${otherKeys.keyPath}`, "IdentitiesOnly yes").replace(
        `IdentityFile ${middle.keyPath}\n`,
        "",
      ),
      "authentication_failed",
      /^Jump host 'middle': Authentication failed for /,
      byHand,
    );
    await fails(
      configOf(chain, `UserKnownHostsFile ${otherKeys.knownHostsPath}`),
      "host_key_unknown",
      /^Jump host 'middle': Server '127\.0\.0\.1' not found in known_hosts/,
      /^Run `mcp-remote-exec trust middle`, or add it with `ssh middle`/,
    );
    const port = (silent.addr as Deno.NetAddr).port;
    await fails(
      configOf(chain, `Port ${port}`, "ConnectTimeout 5"),
      "unreachable",
      /^Jump host 'middle': .*sent no SSH greeting within 5 seconds/,
      byHand,
    );
    await fails(
      configOf(chain, "HostName 127.0.0.1", "Port 1"),
      "unreachable",
      /^Jump host 'bastion' cannot connect to 127\.0\.0\.1:1: Connection refused/i,
      /^Check HostName and Port/,
    );
    await fails(
      configOf(chain).replace(`Port ${inner.port}`, "Port 1"),
      "unreachable",
      /^Jump host 'middle' cannot connect to 127\.0\.0\.1:1: /,
      /^Check HostName and Port/,
    );
    await fails(
      configOf(chain).replace(`Port ${bastion.port}`, "Port 1"),
      "unreachable",
      /^Jump host 'bastion': SSH connection failed to 127\.0\.0\.1:1: connection refused/,
      /^Try by hand: ssh bastion/,
    );
    // A changed key of the second hop, last, because the server stays changed.
    await middle.replaceHostKey();
    await fails(
      configOf(chain),
      "host_key_changed",
      /^Jump host 'middle': The host key of '127\.0\.0\.1' has changed: got ssh-ed25519 /,
      /ssh-keygen -R .*ssh middle/,
    );
    await middle.restart();
  },
});
