import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { content } from "./ssh_host_client.ts";
import { type SshHost, type SshHostOptions, startSshHost } from "./ssh_host.ts";
import { privateKeyOf, publicKeyOf } from "./ssh_host_keys.ts";
import { type Peer, peerTest, SSH_CLIENT, SSH_KEYGEN } from "../peers/require.ts";

interface Login {
  readonly host: SshHost;
  /** A directory of the client with its key and known_hosts. */
  readonly local: string;
}

/** Runs with a host that accepts one key, which OpenSSH's clients find in `local`. */
function opensshTest(
  name: string,
  run: (login: Login) => Promise<void>,
  options: SshHostOptions = {},
  peer: Peer | readonly Peer[] = SSH_CLIENT,
): void {
  peerTest({ name, peer, fn });

  async function fn() {
    const local = await Deno.makeTempDir({ prefix: "ssh_client_" });
    const key = privateKeyOf("ed25519");
    const users = [{ name: "judge", publicKeys: [publicKeyOf(key)] }];
    await using host = await startSshHost({ ...options, users });
    await Deno.writeTextFile(`${local}/key`, key, { mode: 0o600 });
    await Deno.writeTextFile(`${local}/known_hosts`, host.hostKeyLines());
    try {
      await run({ host, local });
    } finally {
      await Deno.remove(local, { recursive: true });
    }
  }
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function runClient(
  program: "ssh" | "sftp",
  { host, local }: Login,
  args: readonly string[],
  input = "",
): Promise<Ended> {
  const options = [
    ["IdentitiesOnly", "yes"],
    ["IdentityFile", `${local}/key`],
    ["UserKnownHostsFile", `${local}/known_hosts`],
    ["StrictHostKeyChecking", "yes"],
    ["BatchMode", "yes"],
    ["Port", String(host.port)],
    ["User", host.username],
    ["LogLevel", "ERROR"],
  ].flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const command = new Deno.Command(`/usr/bin/${program}`, {
    args: ["-F", "none", ...options, ...args],
    cwd: local,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  // ssh may end before it reads its input; its answer is checked below.
  await writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

const batch = (login: Login, lines: readonly string[]) =>
  runClient("sftp", login, ["-b", "-", login.host.hostname], lines.join("\n") + "\n");

opensshTest("ssh runs a command with input, output, errors and status", async (login) => {
  const ended = await runClient(
    "ssh",
    login,
    [login.host.hostname, "cat; echo err >&2; exit 9"],
    "question\n",
  );
  assert.deepEqual(ended, { code: 9, stdout: "question\n", stderr: "err\n" });
});

peerTest({
  name: "privateKeyOf() makes keys that ssh-keygen reads",
  peer: SSH_KEYGEN,
  async fn() {
    const file = await Deno.makeTempFile();
    for (const type of ["ed25519", "ecdsa", "rsa"] as const) {
      const key = privateKeyOf(type);
      await Deno.writeTextFile(file, key);
      const answer = await new Deno.Command("ssh-keygen", { args: ["-y", "-f", file] }).output();
      assert.equal(new TextDecoder().decode(answer.stdout).trim(), publicKeyOf(key));
    }
    await Deno.remove(file);
  },
});

for (const type of ["ecdsa", "rsa"] as const) {
  opensshTest(`ssh accepts the ${type} host key of hostKeyLines()`, async (login) => {
    const ended = await runClient("ssh", login, [login.host.hostname, "echo in"]);
    assert.deepEqual(ended, { code: 0, stdout: "in\n", stderr: "" });
  }, { hostKeys: [type] });
}

opensshTest("ssh refuses a host whose key has changed", async (login) => {
  await login.host.close();
  const { port } = login.host;
  await using other = await startSshHost({ port });
  const ended = await runClient("ssh", { ...login, host: other }, [other.hostname, "true"]);
  assert.equal(ended.code, 255);
  assert.match(ended.stderr, /REMOTE HOST IDENTIFICATION HAS CHANGED/);
});

opensshTest("ssh carries 4 MiB to a command and its answer back", async (login) => {
  const line = "0123456789abcde\n";
  const { code, stdout } = await runClient(
    "ssh",
    login,
    [login.host.hostname, "cat"],
    line.repeat(1 << 18),
  );
  assert.deepEqual([code, stdout.length, stdout === line.repeat(1 << 18)], [0, 1 << 22, true]);
});

opensshTest("sftp puts, gets, renames, links and lists", async (login) => {
  const { host, local } = login;
  const data = content(3_000_000);
  await Deno.writeFile(`${local}/data`, data, { mode: 0o640 });
  const { code, stdout, stderr } = await batch(login, [
    "pwd",
    "mkdir dir",
    "put -p data dir/one",
    "put data dir/two",
    "rename dir/one dir/two",
    "ln -s two dir/soft",
    "ln dir/two dir/hard",
    "chmod 600 dir/hard",
    "get dir/soft back",
    "ls -ln dir",
    "df dir",
    "rm dir/hard",
  ]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(await Deno.readFile(`${local}/back`), Uint8Array.from(data));
  assert.match(stdout, new RegExp(`Remote working directory: ${host.directory}\n`));
  assert.match(stdout, /^-rw-{7} +\? \w+ +\w+ +3000000 \w{3} [ \d]\d \d\d:\d\d dir\/two$/m);
  assert.match(stdout, /^lrwxrwxrwx .* dir\/soft$/m);
  assert.match(stdout, /%Capacity/);
  assert.equal(await Deno.readLink(`${host.directory}/dir/soft`), "two");
  const names = [...Deno.readDirSync(`${host.directory}/dir`)].map(({ name }) => name);
  assert.deepEqual(names.toSorted(), ["soft", "two"]);
});

const SERVERS = ["/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server"];
const SERVER = SERVERS.find((path) => existsSync(path)) ?? "";
const SFTP_SERVER: Peer = {
  name: "OpenSSH sftp-server",
  debianPackage: "openssh-sftp-server",
  installed: SERVER !== "",
};

const QUESTIONS = [
  "pwd",
  "put data a",
  "put data b",
  "-get absent",
  "mkdir dir",
  "-mkdir dir",
  "-mkdir absent/dir",
  "-mkdir a/dir",
  "-rm dir",
  "-rm absent",
  "-rmdir absent",
  "-rmdir a",
  "-ln dir hard",
  "-ln a b",
  "-ln -s a b",
  "-rename a absent/a",
  "rename a b",
  "ln -s nowhere dangling",
  "ln -s loop loop",
  "-get loop",
  "-get dangling",
  "-cd a",
  "-chmod 700 absent",
  "put data dir/c",
  "-rmdir dir",
  "-ls absent",
  "ls -ln",
  "ls -lan dir",
  `-put data ${"n".repeat(300)}`,
  "cd dir",
  "pwd",
  "cd ../dir/..",
  "pwd",
];

/**
 * Returns the visible output without what may differ: directory, times, directory sizes, and
 * owners, whose names need an extension that the fake lacks (`users-groups-by-id@openssh.com`).
 */
const seen = ({ code, stdout, stderr }: Ended, directory: string) =>
  [code, stdout, stderr].join("\n").replaceAll(directory, "DIRECTORY").replaceAll("\r", "")
    .replaceAll(/\w{3} [ \d]\d \d\d:\d\d/g, "TIME")
    .replaceAll(/\? +\w+ +\w+ +(\d+) TIME/g, "$1 TIME")
    .replaceAll(/^(d\S+ +)\d+ TIME/gm, "$1TIME");

opensshTest(
  "sftp sees what it sees from sftp-server",
  async (login) => {
    const { host, local } = login;
    await Deno.writeTextFile(`${local}/data`, "data");
    const answer = await batch(login, QUESTIONS);
    // Messages are cut at a length, so both paths must have the same length; a random suffix may be shorter.
    const directory = host.directory.replace("/ssh_host_", "/sftp_srv_");
    assert.equal(directory.length, host.directory.length);
    await Deno.mkdir(directory, { mode: 0o700 });
    const questions = [`lcd ${local}`, ...QUESTIONS].join("\n") + "\n";
    await Deno.writeTextFile(`${local}/batch`, questions);
    const judge = await new Deno.Command("/usr/bin/sftp", {
      args: ["-D", SERVER, "-b", `${local}/batch`],
      cwd: directory,
    }).output();
    await Deno.remove(directory, { recursive: true });
    const [stdout, stderr] = [judge.stdout, judge.stderr].map((text) =>
      new TextDecoder().decode(text).replace(`sftp> lcd ${local}\n`, "")
    );
    const expected = { code: judge.code, stdout: stdout ?? "", stderr: stderr ?? "" };
    assert.equal(seen(answer, host.directory), seen(expected, directory));
  },
  {},
  [SSH_CLIENT, SFTP_SERVER],
);

opensshTest("sftp without posix-rename does not replace", async (login) => {
  const { host, local } = login;
  host.setFault({ refusePosixRename: true });
  await Deno.writeTextFile(`${local}/data`, "data");
  const { code, stderr } = await batch(login, ["put data a", "put data b", "rename a b"]);
  assert.equal(code, 1);
  assert.match(stderr, /remote rename .*: Failure/);
});
