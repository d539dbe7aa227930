import assert from "node:assert/strict";
import { runProgram } from "../support/program.ts";
import { connectTo, newTag, tagged, untilGone } from "./openssh.ts";
import { peerTest, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";
import { SUDO, Sudoers, untilSleeping } from "./sudo.ts";

// The real server, or the binary that MRE_BINARY names.

const NEEDED = [SSHD, ...SUDO];
const ASKS = "USER ALL=(ALL) ALL";

peerTest({
  peer: NEEDED,
  name: "the server leaves nothing of root running after SIGKILL, SIGTERM and the end of stdin",
  async fn() {
    await using sshd = await startSshd();
    await using _ = await Sudoers.allow(sshd, ASKS);
    for (const way of ["SIGKILL", "SIGTERM", "the end of stdin"] as const) {
      const dir = await Deno.makeTempDir({ prefix: "mre_whole_" });
      const server = await connectTo(sshd, dir, { SUDO_PASSWORD: sshd.password ?? "" });
      // The longer ones could go on as jobs.
      const tags = [40, 300].flatMap((timeout) =>
        ["sleep 4000 | cat", "trap '' TERM HUP; sleep 4000 & wait; sleep 4000"].map((script) => {
          const tag = newTag();
          const call = { command: tagged(tag, script), timeout, sudo: true };
          server.call("ssh_exec_command", call).catch(() => {});
          return tag;
        })
      );
      for (const tag of tags) await untilSleeping(tag);
      if (way === "the end of stdin") await server.server.close();
      else server.server.kill(way);
      await server.server.ended();
      for (const tag of tags) await untilGone(tag);
      await Deno.remove(dir, { recursive: true });
    }
  },
});

peerTest({
  peer: NEEDED,
  name: "the password of sudo reaches no answer, log line or audit log; doctor tries sudo",
  async fn() {
    await using sshd = await startSshd();
    await using sudoers = await Sudoers.allow(sshd, ASKS);
    const secret = sshd.password ?? "";
    const dir = await Deno.makeTempDir({ prefix: "mre_whole_" });
    const env = { SUDO_PASSWORD: secret, LOG_LEVEL: "debug", AUDIT_LOG: `${dir}/audit` };
    await using server = await connectTo(sshd, dir, env);
    const call = async (args: Readonly<Record<string, unknown>>) =>
      (await server.call("ssh_exec_command", args)).data;
    const answer = await call({ command: "id -un", sudo: true });
    assert.deepEqual([answer.stdout, answer.user], ["root\n", "root"]);
    const plain = await call({ command: "id -un", sudo: false });
    assert.deepEqual([plain.stdout, plain.user], [`${sshd.username}\n`, sshd.username]);
    await call({ command: "sleep 9", sudo: true, timeout: 1 });
    await sudoers.change(sshd);
    assert.equal((await call({ command: "id", sudo: true })).code, "sudo_refused");
    await server.end();
    const texts = [
      server.server.stdoutLines.join("\n"),
      server.server.stderr,
      await Deno.readTextFile(`${dir}/audit`),
    ];
    for (const text of texts) assert.ok(!text.includes(secret));
    const doctorEnv = {
      ...{ I_ACCEPT_RISKS: "true", HOST: sshd.host, SSH_PORT: String(sshd.port) },
      ...{ SSH_USERNAME: sshd.username, SSH_KEY: sshd.keyPath, WORKING_DIRECTORY: dir },
      ...{ SSH_KNOWN_HOSTS: sshd.knownHostsPath, SUDO: "true" },
    };
    const doctor = async () => await runProgram(["doctor"], { cwd: dir, env: doctorEnv });
    assert.match((await doctor()).stdout, /^FAIL sudo: .*\n {5}-> /m);
    await sudoers.change(sshd, "USER ALL=(ALL) NOPASSWD: ALL");
    assert.match((await doctor()).stdout, /^ok {3}sudo: commands run as root/m);
    await Deno.remove(dir, { recursive: true });
  },
});
