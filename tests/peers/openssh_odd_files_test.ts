/** Files on hosts that refuse requests, start elsewhere, print text, or have other login shells. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { failureOf, FISH, openSession, TCSH, type TestSession, ZSH } from "./openssh.ts";
import { changeAccounts, run } from "./account.ts";
import { HOSTILE } from "./hostile_names.ts";
import { type Peer, peerTest, ROOT, SSHD } from "./require.ts";
import { type Sshd, type SshdOptions, startSshd } from "./sshd.ts";

const CONTENT = "some content\n";
const HASH = createHash("sha256").update(CONTENT).digest("hex");

const namesIn = (dir: string): string[] =>
  [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
const modeOf = (path: string): number => (Deno.statSync(path).mode ?? 0) & 0o7777;

function oddTest(
  name: string,
  options: SshdOptions,
  body: (session: TestSession, sshd: Sshd) => Promise<void>,
  peers: readonly Peer[] = [],
): void {
  peerTest({
    name,
    peer: [SSHD, ROOT, ...peers],
    async fn() {
      await using sshd = await startSshd(options);
      await using session = await openSession(sshd);
      await session.file("up", CONTENT);
      await body(session, sshd);
    },
  });
}

for (const [shell, peers] of [["fish", [FISH]], ["tcsh", [TCSH]], ["zsh", [ZSH]]] as const) {
  oddTest(
    `copy() verifies files of hostile names by sha256, and nothing runs (${shell})`,
    { shell: `/usr/bin/${shell}` },
    async (session, sshd) => {
      for (const name of HOSTILE) {
        const up = await session.upload("up", name);
        assert.deepEqual([name, up.verified], [name, "sha256"]);
        assert.equal(await Deno.readTextFile(`${sshd.home}/${name}`), CONTENT);
        const down = await session.download(`${sshd.home}/${name}`, "down");
        assert.deepEqual([name, down.verified, down.sha256], [name, "sha256", HASH]);
      }
      const names = namesIn(sshd.home).filter((name) =>
        ![".cache", ".config", ".local"].includes(name)
      );
      assert.deepEqual(names, [...HOSTILE].sort());
    },
    peers,
  );
}

const START_FILES = [
  ["cd elsewhere", "cd /var/tmp\n"],
  ["print a line", "echo 'Welcome to pve'\n"],
  ["print no newline", "printf '\\033[0m'\n"],
] as const;

for (const [what, text] of START_FILES) {
  oddTest(
    `copy() verifies by sha256 where start-up files ${what}`,
    { shell: "/bin/bash", config: ["Subsystem sftp internal-sftp"] },
    async (session, sshd) => {
      await Deno.writeTextFile(`${sshd.home}/.bashrc`, text);
      const other = `mre_${crypto.randomUUID()}`;
      await Deno.writeTextFile(`/var/tmp/${other}`, "another file");
      for (const path of [other, `~/${other}`]) {
        const up = await session.upload("up", path);
        const down = await session.download(path, "down");
        assert.deepEqual([up.verified, down.verified, down.sha256], ["sha256", "sha256", HASH]);
      }
      assert.equal(await Deno.readTextFile(`/var/tmp/${other}`), "another file");
      await Deno.remove(`/var/tmp/${other}`);
    },
  );
}

const REFUSED = [
  "fsetstat",
  "setstat,fsetstat",
  "fstat",
  "lstat",
  "stat",
  "remove",
  "rename",
  "posix-rename",
  "rename,hardlink",
  "rename,remove",
  "realpath",
  "fstat,lstat,fsetstat",
];

for (const refused of REFUSED) {
  oddTest(
    `copy() works on a host that refuses ${refused}, and leaves nothing else`,
    { config: [`Subsystem sftp /usr/lib/openssh/sftp-server -P ${refused}`] },
    async (session, sshd) => {
      const path = `${sshd.home}/file`;
      const created = await session.upload("up", path, { overwrite: false });
      const keepsModes = refused.startsWith("setstat");
      assert.deepEqual([created.verified, created.keptMode], [
        "sha256",
        keepsModes ? 0o600 : undefined,
      ]);
      assert.equal(modeOf(path), keepsModes ? 0o600 : 0o644);
      assert.equal(
        (await failureOf(session.upload("up", path, { overwrite: false }))).code,
        "already_exists",
      );
      await Deno.writeTextFile(path, "old");
      await session.upload("up", path);
      assert.equal(await Deno.readTextFile(path), CONTENT);
      assert.equal((await session.download(path, "down")).verified, "sha256");
      const withMode = session.upload("up", path, { mode: 0o640 });
      if (keepsModes) {
        const { code, message } = await failureOf(withMode);
        assert.deepEqual([code, message], [
          "not_permitted",
          `Cannot set mode 0640 of ${path}: the host keeps 0600`,
        ]);
      } else assert.deepEqual([(await withMode).keptMode, modeOf(path)], [undefined, 0o640]);
      assert.deepEqual(namesIn(sshd.home).filter((name) => name !== ".cache"), ["file"]);
    },
  );
}

oddTest("copy() names a directory as the target at once", {}, async (session, sshd) => {
  await Deno.mkdir(`${sshd.home}/sub`);
  await Deno.symlink("sub", `${sshd.home}/link`);
  for (const path of ["sub", "sub/", "link", "~", `${sshd.home}`]) {
    for (const overwrite of [false, true]) {
      assert.equal(
        (await failureOf(session.upload("up", path, { overwrite }))).code,
        "is_directory",
      );
    }
  }
  assert.equal((await failureOf(session.upload("up", "new/"))).code, "invalid_argument");
});

oddTest(
  "copy() says that a bind-mounted file is a mount point, and how to write it in place",
  { loginUser: "root" },
  async (session, sshd) => {
    const path = `${sshd.home}/with space`;
    await Deno.writeTextFile(path, "old");
    await Deno.writeTextFile(`${sshd.home}/other`, "other");
    await run("mount", ["--bind", `${sshd.home}/other`, path]);
    try {
      const { code, message, suggestion } = await failureOf(session.upload("up", path));
      assert.equal(code, "not_permitted");
      assert.match(message, /it is a mount point/);
      assert.match(suggestion, /cat \/tmp\/new > '.*\/with space'$/);
      assert.deepEqual(namesIn(sshd.home), ["other", "with space"]);
    } finally {
      await run("umount", [path]);
    }
  },
);

oddTest(
  "copy() says that a login may write its file but not create one beside it",
  {},
  async (session, sshd) => {
    const dir = `${sshd.home}/roots`;
    await Deno.mkdir(dir);
    await Deno.writeTextFile(`${dir}/own`, "old");
    await Deno.chown(`${dir}/own`, sshd.uid, null);
    const { code, message, suggestion } = await failureOf(session.upload("up", "roots/own"));
    assert.equal(code, "not_permitted");
    assert.equal(
      message,
      `Cannot replace ${dir}/own: this login may write the file, but not create one beside it in ${dir}`,
    );
    assert.match(suggestion, /cat \/tmp\/new > '.*\/roots\/own'$/);
    assert.equal((await failureOf(session.upload("up", "roots/new"))).code, "not_permitted");
  },
);

const NO_SFTP: readonly (readonly [what: string, options: SshdOptions, seen: RegExp])[] = [
  [
    "the login shell is nologin",
    { shell: "/usr/sbin/nologin" },
    /printed text where SFTP was expected; it begins with "This"$|\(exit code 1\)$/,
  ],
  [
    "the login shell is false",
    { shell: "/bin/false" },
    /ended SFTP before it began \(exit code 1\)$/,
  ],
];

for (const [what, options, seen] of NO_SFTP) {
  oddTest(`copy() says why SFTP does not begin where ${what}`, options, async (session) => {
    const failure = await failureOf(session.upload("up", "file"));
    assert.equal(failure.code, "unsupported");
    assert.match(failure.message, seen);
    assert.match(failure.suggestion, /^Run `true` with ssh_exec_command and read what it prints/);
  });
}

oddTest("copy() names an expired password", { config: ["UsePAM yes"] }, async (session, sshd) => {
  await changeAccounts("chage", ["-d", "0", sshd.username]);
  const failure = await failureOf(session.upload("up", "file"));
  assert.match(failure.message, /ended SFTP before it began \(exit code 1\)$/);
  assert.match(failure.suggestion, /expired/);
});

oddTest(
  "copy() names the start-up files where they print into SFTP",
  { shell: "/bin/bash" },
  async (session, sshd) => {
    const words = "The host's login printed text where SFTP was expected";
    for (const [text, end] of [["Welcome to pve", `; it begins with "Welc"`], ["éa", ""]]) {
      await Deno.writeTextFile(`${sshd.home}/.bashrc`, `echo '${text}'\n`);
      const failure = await failureOf(session.upload("up", "file"));
      assert.equal(failure.message, `${words}${end}`);
      assert.match(failure.suggestion, /start-up files/);
    }
  },
);
