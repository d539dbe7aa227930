/** A directory on this machine and one on a real SSH server, for tests that copy between them. */
import type { DirectoryOutcome, DirectoryRequest } from "../../src/ssh/directories/port.ts";
import { run } from "./account.ts";
import { isRoot, openSession, type SessionOptions, type TestSession } from "./openssh.ts";
import { peer, SSHD } from "./require.ts";
import { type Sshd, type SshdOptions, startSshd } from "./sshd.ts";

const RSYNC = peer("rsync", "/usr/bin/rsync");
export const BUSYBOX = peer("busybox", "/usr/bin/busybox", "busybox-static");
export const PEERS = [SSHD, RSYNC];

const LIMITS = { maxEntries: 20_000, maxBytes: 2_000_000_000 };

/** A session, and shortcuts for directories on both sides. */
export class Site {
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

  /** Gives the remote directory to the login. */
  async give(): Promise<void> {
    if (isRoot) await run("chown", ["-R", "-h", String(this.sshd.uid), this.remote]);
  }

  /** Names in the directory beside the remote one. */
  beside(): string[] {
    return [...Deno.readDirSync(`${this.sshd.home}/www`)].map(({ name }) => name);
  }
}

/** Writes files by their paths; a path that ends in a slash is an empty directory. */
export function write(top: string, files: Readonly<Record<string, string | Uint8Array>>): void {
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

/** Returns what is below a directory, one path a line. */
export async function tree(top: string): Promise<string> {
  const find = ["-mindepth", "1", "-printf", "%P\\n"];
  const { stdout } = await new Deno.Command("find", { args: [top, ...find] }).output();
  return new TextDecoder().decode(stdout).split("\n").sort().join("\n");
}

/** Gives a path to the login. */
export function own(sshd: Sshd, path: string): void {
  if (isRoot) Deno.chownSync(path, sshd.uid, null);
}

/** Returns what rsync would change to make `to` equal to `from`. */
export async function differences(from: string, to: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("rsync", {
    args: ["-nc", "-rlptD", "--delete", "--itemize-changes", ...args, `${from}/`, `${to}/`],
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

export const NAMES = {
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

export async function withSite(
  body: (site: Site) => Promise<void>,
  options: SshdOptions = {},
  settings: SessionOptions = {},
): Promise<void> {
  await using sshd = await startSshd(options);
  await using session = await openSession(sshd, settings);
  Deno.mkdirSync(`${sshd.home}/www`);
  own(sshd, `${sshd.home}/www`);
  await body(new Site(session, sshd));
}
