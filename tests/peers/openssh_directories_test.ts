import assert from "node:assert/strict";
import type { DirectoryOutcome, DirectoryRequest } from "../../src/ssh/directories/port.ts";
import { isRoot, openSession, type TestSession } from "./openssh.ts";
import { peer, peerTest, SSHD } from "./require.ts";
import { type Sshd, type SshdOptions, startSshd } from "./sshd.ts";

const RSYNC = peer("rsync", "/usr/bin/rsync");
const PEERS = [SSHD, RSYNC];

const LIMITS = { maxEntries: 20_000, maxBytes: 2_000_000_000 };

/** A session, and shortcuts for directories on both sides. */
class Site {
  readonly session: TestSession;
  readonly sshd: Sshd;

  constructor(session: TestSession, sshd: Sshd) {
    this.session = session;
    this.sshd = sshd;
  }

  copy(
    direction: DirectoryRequest["direction"],
    more: Partial<DirectoryRequest> = {},
    signal = new AbortController().signal,
  ): Promise<DirectoryOutcome> {
    return this.session.host.directories.copy(
      {
        direction,
        localPath: "site",
        remote: { kind: "host", path: `${this.sshd.home}/www/site` },
        exclude: [],
        overwrite: true,
        dryRun: false,
        ...LIMITS,
        ...more,
      },
      signal,
      undefined,
    );
  }

  get local(): string {
    return `${this.session.dir}/site`;
  }

  get remote(): string {
    return `${this.sshd.home}/www/site`;
  }

  /** Names in the directory beside the remote one. */
  beside(): string[] {
    return [...Deno.readDirSync(`${this.sshd.home}/www`)].map(({ name }) => name);
  }
}

/** Writes files by their paths; a path that ends in a slash is an empty directory. */
function write(top: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    const place = `${top}/${path}`;
    Deno.mkdirSync(path.endsWith("/") ? place : place.slice(0, place.lastIndexOf("/")), {
      recursive: true,
    });
    if (path.endsWith("/")) continue;
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(place, bytes);
    Deno.utimeSync(place, 1_600_000_000, 1_600_000_000 + bytes.length);
  }
}

/** Gives a path to the login. */
function own(sshd: Sshd, path: string): void {
  if (isRoot) Deno.chownSync(path, sshd.uid, null);
}

/** Returns what rsync would change to make `to` equal to `from`. */
async function differences(from: string, to: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("rsync", {
    args: ["-nc", "-rlptD", "--delete", "--itemize-changes", ...args, `${from}/`, `${to}/`],
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

const NAMES = {
  "index.html": "<h1>hello</h1>",
  "empty": "",
  "-leading dash": "x",
  "ünï 😀/deep/er/page": "deep",
  [`${"n".repeat(251)}.txt`]: "long name",
  [`${"ü".repeat(127)}`]: "255 bytes",
  "new\nline\\back'quote\"": "odd",
  "cr\rname": "odd too",
  "empty dir/": "",
  " spaces at the ends ": "s",
  "*": "star",
};

async function withSite(
  body: (site: Site) => Promise<void>,
  options: SshdOptions = {},
): Promise<void> {
  await using sshd = await startSshd(options);
  await using session = await openSession(sshd);
  Deno.mkdirSync(`${sshd.home}/www`);
  own(sshd, `${sshd.home}/www`);
  await body(new Site(session, sshd));
}

peerTest({
  name: "a directory goes up and is then equal, by rsync's judgment, and nothing is sent again",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.local, {
        ...NAMES,
        "run.sh": "#!/bin/sh\n",
        "big.bin": new Uint8Array(3_000_000),
      });
      Deno.chmodSync(`${site.local}/run.sh`, 0o750);
      Deno.symlinkSync("index.html", `${site.local}/link`);
      Deno.symlinkSync("../empty", `${site.local}/empty dir/up`);
      Deno.symlinkSync("missing", `${site.local}/broken`);
      const first = await site.copy("upload");
      assert.deepEqual(first.failed, []);
      assert.equal(first.sent, Object.keys(NAMES).length - 1 + 2 + 3);
      assert.equal(await differences(site.local, site.remote), "");
      const second = await site.copy("upload");
      assert.deepEqual(
        [second.sent, second.unchanged, second.bytes, second.failedCount],
        [0, first.sent, 0, 0],
      );
      assert.deepEqual(site.beside(), ["site"]);
    });
  },
});

peerTest({
  name: "a directory comes down and is then equal, by rsync's judgment, and nothing is sent again",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.remote, {
        ...NAMES,
        "run.sh": "#!/bin/sh\n",
        "big.bin": new Uint8Array(3_000_000),
      });
      Deno.chmodSync(`${site.remote}/run.sh`, 0o755);
      const first = await site.copy("download");
      assert.deepEqual(first.failed, []);
      assert.equal(first.sent, Object.keys(NAMES).length - 1 + 2);
      assert.equal(await differences(site.remote, site.local), "");
      const second = await site.copy("download");
      assert.deepEqual(
        [second.sent, second.unchanged, second.bytes, second.failedCount],
        [0, first.sent, 0, 0],
      );
    });
  },
});

peerTest({
  name: "a directory goes over SFTP both ways where the login runs no commands",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.local, { ...NAMES, "run.sh": "#!/bin/sh\n", "old": "new" });
      Deno.chmodSync(`${site.local}/run.sh`, 0o750);
      Deno.symlinkSync("index.html", `${site.local}/link`);
      const first = await site.copy("upload");
      assert.deepEqual(first.failed, []);
      // SFTP of OpenSSH cannot set the time of a link.
      assert.equal(await differences(site.local, site.remote, "-O", "-J"), "");
      write(site.local, { "old": "newer" });
      Deno.removeSync(`${site.local}/empty dir`);
      Deno.removeSync(`${site.local}/*`);
      const dry = await site.copy("upload", { dryRun: true });
      assert.deepEqual([dry.sent, dry.unchanged, dry.deleted], [1, first.sent - 2, 1]);
      const second = await site.copy("upload", { deleteCount: 1 });
      assert.deepEqual([second.sent, second.deleted, second.failed], [1, 1, []]);
      assert.equal(await differences(site.local, site.remote, "-O", "-J"), "");
      const back = { localPath: "back" };
      const third = await site.copy("download", back);
      assert.deepEqual(third.failed.map(({ path }) => path), ["link"]);
      Deno.symlinkSync("index.html", `${site.session.dir}/back/link`);
      assert.equal(await differences(site.remote, `${site.session.dir}/back`, "-O", "-J"), "");
      assert.deepEqual(site.beside(), ["site"]);
    }, { config: ["ForceCommand internal-sftp"] });
  },
});
