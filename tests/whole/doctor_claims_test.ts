import assert from "node:assert/strict";
import type { SshHostOptions } from "../fakes/ssh_host.ts";
import { peer, peerTest, ROOT, SSH_CLIENT } from "../peers/require.ts";
import { runCommand, runShell } from "../support/command.ts";
import { type Place, startPlace } from "../support/places.ts";
import { programCommand, runProgram, runtimeEnvironment } from "../support/program.ts";
import { freePort } from "../support/free_port.ts";

/** A line of doctor's that says that something works, and how it becomes false. */
interface Claim {
  readonly host?: SshHostOptions;
  /** Makes the claim false. Returns more variables, and what to undo. */
  breakIt(place: Place): { env?: Record<string, string>; undo?: () => void };
  readonly said: RegExp;
  /** Later steps do not depend on it. */
  readonly goesOn?: boolean;
}

const CLAIMS: Readonly<Record<string, Claim>> = {
  configuration: {
    breakIt: () => ({ env: { R2_BUCKET: "half" } }),
    said: /R2 exchange disabled/,
    goesOn: true,
  },
  variables: {
    breakIt: () => ({ env: { SSH_KEY_PATH: "/home/me/id" } }),
    said: /SSH_KEY_PATH is not read: the variable is SSH_KEY\n {5}-> Rename/,
    goesOn: true,
  },
  "key file": {
    breakIt: ({ home }) => {
      Deno.writeTextFileSync(`${home}/my id`, "");
      Deno.chmodSync(`${home}/my id`, 0o644);
      return { env: { SSH_KEY: `${home}/my id` } };
    },
    said: /has mode 0644: .*OpenSSH refuses it\n {5}-> Run: chmod 600 '\/.*\/my id'$/m,
  },
  "audit log": {
    breakIt: ({ home }) => ({ env: { AUDIT_LOG: `${home}/${"a".repeat(300)}` } }),
    said: /\n {5}-> Correct AUDIT_LOG/,
    goesOn: true,
  },
  links: {
    breakIt() {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const env = { DOWNLOAD_PORT: String(listener.addr.port) };
      return { env, undo: () => listener.close() };
    },
    said: /127\.0\.0\.1:\d+ cannot be used: it is in use\n {5}-> .*DOWNLOAD_PORT/,
    goesOn: true,
  },
  "link URL": {
    breakIt() {
      // The default port may be in use, and then the URL is not checked.
      const [own, other] = [freePort(), freePort()];
      return {
        env: { DOWNLOAD_PORT: String(own), BASE_URL: `http://127.0.0.1:${other}/files` },
      };
    },
    said:
      /\/files cannot be reached: .*refused.*\n {5}-> Let the proxy pass .* to 127\.0\.0\.1:\d+/,
    goesOn: true,
  },
  "login method": {
    breakIt({ home }) {
      Deno.writeTextFileSync(`${home}/id`, "no key", { mode: 0o600 });
      return { env: { SSH_KEY: `${home}/id` } };
    },
    said: /Failed to load private key/,
  },
  TCP: {
    breakIt: () => ({ env: { SSH_PORT: String(freePort()) } }),
    said: /refused/i,
  },
  "host key": {
    breakIt({ home }) {
      Deno.writeTextFileSync(`${home}/.ssh/known_hosts`, "");
      return { env: { SSH_STRICT_HOST_KEY_CHECKING: "false" } };
    },
    said:
      /SHA256:\S+ is not in known_hosts; it is accepted only because SSH_STRICT_HOST_KEY_CHECKING=false\n {5}-> Compare/,
    goesOn: true,
  },
  login: {
    breakIt: () => ({ env: { SSH_PASSWORD: "not the password" } }),
    said: /Authentication failed/,
  },
  command: {
    host: { answerExec: (command) => command.includes("echo ready") ? "refuse" : "start" },
    breakIt: () => ({}),
    said: /\n {5}-> /,
  },
  SFTP: {
    breakIt({ host }) {
      host.setFault({ refuseSubsystem: true });
      return {};
    },
    said: /\n {5}-> /,
  },
  sha256: {
    host: { answerExec: (command) => command.includes("shasum") ? "refuse" : "start" },
    breakIt: () => ({}),
    said: /\n {5}-> /,
  },
};

const doctor = ({ directory, env }: Place, more: Record<string, string> = {}) =>
  runProgram(["doctor"], { cwd: directory, env: { ...env, ...more } });

for (const [step, claim] of Object.entries(CLAIMS)) {
  Deno.test(`doctor says so when this is false: ${step}`, async () => {
    await using place = await startPlace(claim.host);
    const { env, undo } = claim.breakIt(place);
    try {
      const { code, stdout, stderr } = await doctor(place, env);
      assert.equal(code, 1, stdout + stderr);
      const at = stdout.indexOf(`\nFAIL ${step}: `);
      assert.ok(at >= 0, stdout);
      assert.match(stdout.slice(at + 1), claim.said);
      if (claim.goesOn) assert.match(stdout, /^ok {3}sha256: /m);
    } finally {
      undo?.();
    }
  });
}

Deno.test("doctor's claims are all in the list above, or in a test of their own", async () => {
  await using place = await startPlace();
  const key = `${place.home}/id`;
  Deno.writeTextFileSync(key, "", { mode: 0o600 });
  const port = String(freePort());
  const links = { DOWNLOAD_PORT: port, BASE_URL: `http://127.0.0.1:${port}/files` };
  const env = { AUDIT_LOG: `${place.home}/audit.jsonl`, ...links };
  const outputs = [await doctor(place, env), await doctor(place, { SSH_KEY: key })];
  const steps = outputs.flatMap(({ stdout }) =>
    [...stdout.matchAll(/^ok {3}([^:]+):/gm)].map(([, step = ""]) => step)
  );
  // Unwritable directories need another user, see below; certificates and services have their own tests.
  const known = [...Object.keys(CLAIMS), "working directory"];
  assert.deepEqual([...new Set(steps)].filter((step) => !known.includes(step)), []);
  assert.ok(steps.includes("key file") && steps.includes("sha256"));
});

peerTest({
  name: "doctor says so when WORKING_DIRECTORY cannot be written",
  peer: [ROOT, peer("setpriv", "/usr/bin/setpriv", "util-linux")],
  async fn() {
    await using place = await startPlace();
    const more = `${place.home}/more`;
    Deno.mkdirSync(more, { mode: 0o555 });
    Deno.chmodSync(place.directory, 0o555);
    const { path, args } = programCommand();
    // Root may write everywhere, unless it lacks these two capabilities.
    const { code, stdout } = await runCommand("/usr/bin/setpriv", [
      "--bounding-set=-dac_override,-dac_read_search",
      "--inh-caps=-dac_override,-dac_read_search",
      ...[path, ...args, "doctor"],
    ], {
      cwd: place.home,
      env: { ...runtimeEnvironment(), ...place.env, ALLOWED_DIRECTORIES: more },
      clearEnv: true,
    });
    Deno.chmodSync(place.directory, 0o755);
    assert.equal(code, 1, stdout);
    assert.match(
      stdout,
      /^FAIL working directory: \S+ cannot be written: .*\n {5}-> .*WORKING_DIR/m,
    );
    assert.match(stdout, /^ok {3}allowed directory: \S+ can only be read: /m);
    assert.match(stdout, /^ok {3}sha256: /m);
  },
});

Deno.test("doctor names the file that sets variables", async () => {
  await using place = await startPlace();
  const file = `${place.home}/my.env`;
  Deno.writeTextFileSync(file, "LOG_LEVEL=warn\nNODE_ENV=production\n");
  const { code, stdout } = await runProgram(["doctor", "--env-file", file], {
    cwd: place.directory,
    env: place.env,
  });
  assert.equal(code, 0, stdout);
  assert.ok(stdout.includes(`\nok   variables: LOG_LEVEL from ${file}\n`), stdout);
  assert.ok(stdout.includes(`\nok   variables: ${file} has names that are not read: NODE_ENV\n`));
});

Deno.test("doctor, permissions and --help end quietly when their reader has gone", async () => {
  await using place = await startPlace();
  const { path, args } = programCommand();
  for (const task of ["doctor", "permissions", "--help"]) {
    for (const reader of ["head -1", "head -5", "true"]) {
      const { stdout, stderr } = await runCommand("/bin/sh", [
        "-c",
        `"$@" ${task} | ${reader}`,
        ...["sh", path, ...args],
      ], {
        cwd: place.directory,
        env: { ...runtimeEnvironment(), ...place.env, PATH: "/usr/bin:/bin" },
        clearEnv: true,
      });
      assert.equal(stderr, "", `${task} | ${reader}: ${stdout}`);
    }
  }
});

Deno.test("output that cannot be written is one line on stderr", async () => {
  await using place = await startPlace();
  const { path, args } = programCommand();
  const shell = ["-c", '"$@" permissions >/dev/full', "sh", path, ...args];
  const env = { ...runtimeEnvironment(), ...place.env, PATH: "/usr/bin:/bin" };
  const options = { cwd: place.directory, env, clearEnv: true };
  const { code, stderr } = await runCommand("/bin/sh", shell, options);
  assert.equal(code, 1);
  assert.match(stderr, /^The output cannot be written: No space left on device.*\n$/);
});

peerTest({
  name: "the line that doctor shows for an unknown host key can be pasted, also without ~/.ssh",
  peer: SSH_CLIENT,
  async fn() {
    await using place = await startPlace();
    Deno.removeSync(`${place.home}/.ssh`, { recursive: true });
    const first = await doctor(place);
    const [, line = ""] = /then run: (.*)\n/.exec(first.stdout) ?? [];
    assert.match(line, /^mkdir -p -m 700 \S+\/\.ssh && ssh-keyscan -H /);
    const { code, stderr } = await runShell(line, place.home);
    assert.equal(code, 0, stderr);
    assert.equal((Deno.statSync(`${place.home}/.ssh`).mode ?? 0) & 0o777, 0o700);
    assert.equal((await doctor(place)).code, 0);
  },
});

peerTest({
  name: "the ssh line for a refused key can be pasted",
  peer: SSH_CLIENT,
  async fn() {
    await using place = await startPlace();
    const key = `${place.home}/my id`;
    const made = await runCommand("/usr/bin/ssh-keygen", [
      "-q",
      "-t",
      "ed25519",
      "-N",
      "",
      "-f",
      key,
    ]);
    assert.equal(made.code, 0, made.stderr);
    const { stdout } = await doctor(place, { SSH_KEY: key });
    const [, line = ""] = /try by hand: (ssh .*)\n/.exec(stdout) ?? [];
    assert.equal(
      line.includes(`-i '${key}' -p ${place.host.port} operator@127.0.0.1`),
      true,
      stdout,
    );
    const options = `-o BatchMode=yes -o UserKnownHostsFile=${place.home}/.ssh/known_hosts`;
    const { stderr } = await runShell(line.replace(/^ssh /, `ssh ${options} `), place.home);
    assert.match(stderr, /Permission denied/);
  },
});
