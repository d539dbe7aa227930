import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { sha256 } from "../../release/checksums.ts";
import { installer } from "../../release/installers.ts";
import { BUSYBOX, CURL, onPath, type Peer, peer, peerTest } from "../peers/require.ts";
import { type Output, runCommand } from "../support/command.ts";
import { projectFile } from "../support/project.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { type DownloadSite, startDownloadSite } from "./download_site.ts";
import { writeExecutable } from "../support/executable.ts";

const SCRIPT = projectFile("release/install.sh");
const SYSTEM = { x86_64: "linux-x64", aarch64: "linux-arm64" }[Deno.build.arch];
const FILE = `mcp-remote-exec-${SYSTEM}`;
const PROGRAM = "#!/bin/sh\necho mcp-remote-exec version 9.9.9\n";
const TOOLS = ["uname", "mktemp", "mkdir", "rm", "mv", "chmod", "sh"];
/** The shells, each with the programs that it finds. */
const SHELLS: readonly (readonly [name: string, peers: readonly Peer[], tools: () => string[]])[] =
  [
    ["dash", [CURL, peer("dash", onPath("dash"))], () => [...TOOLS, "curl", "sha256sum"]],
    ["bash", [CURL, peer("bash", onPath("bash"))], () => [...TOOLS, "curl", "openssl"]],
    ["busybox", [BUSYBOX], () => ["busybox"]],
  ];

/** A user with a home directory, and a site with a release. */
class Stage implements AsyncDisposable {
  readonly #place = temporaryDirectory();
  readonly site: DownloadSite = startDownloadSite();
  readonly home = `${this.#place.path}/mit leer 試`;
  readonly folder = `${this.home}/.local/bin`;
  readonly #path = `${this.#place.path}/tools`;

  constructor(tools: readonly string[]) {
    Deno.mkdirSync(this.home);
    Deno.mkdirSync(this.#path);
    for (const tool of tools) Deno.symlinkSync(onPath(tool), `${this.#path}/${tool}`);
    if (tools.includes("busybox")) this.#installBusybox();
    this.offer(PROGRAM);
  }

  /** Links to busybox are its programs. */
  #installBusybox(): void {
    for (const tool of [...TOOLS, "wget", "sha256sum"]) {
      Deno.symlinkSync(onPath("busybox"), `${this.#path}/${tool}`);
    }
  }

  /** Puts a script in the place of a program. */
  replace(tool: string, script: string): void {
    const path = `${this.#path}/${tool}`;
    if (existsSync(path)) Deno.removeSync(path);
    writeExecutable(path, `#!/bin/sh\n${script}\n`);
  }

  offer(program: string, file = FILE): void {
    const bytes = new TextEncoder().encode(program);
    this.site.files.set(file, bytes);
    const sums = `${"0".repeat(64)}  another\n${sha256(bytes)}  ${file}\n`;
    this.site.files.set("SHA256SUMS", new TextEncoder().encode(sums));
  }

  install(shell: string, change: Readonly<Record<string, string>> = {}): Promise<Output> {
    const args = shell === "busybox" ? ["sh", SCRIPT] : [SCRIPT];
    const env = { HOME: this.home, PATH: this.#path, MCP_REMOTE_EXEC_URL: this.site.url };
    return runCommand(onPath(shell), args, {
      cwd: "/",
      env: { ...env, ...change },
      clearEnv: true,
    });
  }

  /** Names in the directory for the executable. */
  names(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.site[Symbol.asyncDispose]();
    this.#place[Symbol.dispose]();
  }
}

for (const [shell, peers, tools] of SHELLS) {
  peerTest({
    peer: peers,
    name: `install.sh in ${shell} installs an executable, replaces it, and says what is next`,
    async fn() {
      await using stage = new Stage(tools());
      const first = await stage.install(shell);
      assert.deepEqual([first.code, first.stderr], [0, ""]);
      const path = `${stage.folder}/mcp-remote-exec`;
      assert.equal(
        first.stdout,
        `Downloading ${stage.site.url}/${FILE}\n` +
          `Installed mcp-remote-exec version 9.9.9: ${path}\n` +
          `${stage.folder} is not in PATH. Add this line to ~/.profile: export PATH="${stage.folder}:$PATH"\n` +
          `Next: ${path} trust HOST    (adds its keys to known_hosts, if ssh has never reached it)\n` +
          `Then: ${path} install HOST    (adds it to an MCP client, such as Claude Desktop)\n`,
      );
      assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o755);
      stage.offer(PROGRAM.replace("9.9.9", "10.0.0"));
      const folder = `${stage.home}/other`;
      const second = await stage.install(shell, { MCP_REMOTE_EXEC_DIR: folder });
      assert.match(second.stdout, /version 10\.0\.0/);
      assert.match((await stage.install(shell)).stdout, /version 10\.0\.0/);
      assert.deepEqual(stage.names(), ["mcp-remote-exec"]);
    },
  });

  peerTest({
    peer: peers,
    name:
      `install.sh in ${shell} names complete paths, and puts nothing into a directory of its name`,
    async fn() {
      await using stage = new Stage(tools());
      // The script runs in the root directory.
      const relative = stage.home.slice(1);
      const { code, stdout } = await stage.install(shell, { MCP_REMOTE_EXEC_DIR: relative });
      assert.equal(code, 0);
      assert.ok(stdout.includes(`: ${stage.home}/mcp-remote-exec\n`), stdout);
      assert.ok(stdout.includes(`export PATH="${stage.home}:$PATH"\n`), stdout);
      const taken = `${stage.folder}/mcp-remote-exec`;
      Deno.mkdirSync(taken, { recursive: true });
      const refused = await stage.install(shell);
      assert.equal(refused.code, 1);
      assert.ok(refused.stderr.includes(`: ${taken} is a directory\n  -> `), refused.stderr);
      assert.deepEqual([...Deno.readDirSync(taken)], []);
      assert.deepEqual(stage.names(), ["mcp-remote-exec"]);
    },
  });

  peerTest({
    peer: peers,
    name: `install.sh in ${shell} keeps the installed version when anything goes wrong`,
    async fn() {
      await using stage = new Stage(tools());
      assert.equal((await stage.install(shell)).code, 0);
      const { site } = stage;
      const fails = async (expected: RegExp, change: Readonly<Record<string, string>> = {}) => {
        const { code, stderr } = await stage.install(shell, change);
        assert.equal(code, 1, stderr);
        assert.match(stderr, expected);
        assert.match(stderr, /\n {2}-> .+\n$/);
        assert.deepEqual(stage.names(), ["mcp-remote-exec"]);
        const path = `${stage.folder}/mcp-remote-exec`;
        assert.equal(Deno.readTextFileSync(path), PROGRAM);
      };
      site.files.set(FILE, new TextEncoder().encode(`${PROGRAM}# changed\n`));
      await fails(
        /^mcp-remote-exec: mcp-remote-exec-\S+ has the checksum [\da-f]{64}, not [\da-f]{64}$/m,
      );
      stage.offer(PROGRAM);
      for (const name of ["SHA256SUMS", FILE]) {
        site.faults.set(name, "missing");
        await fails(new RegExp(`^mcp-remote-exec: cannot download http://.*/${name}$`, "m"));
        site.faults.delete(name);
      }
      site.faults.set(FILE, "cut");
      await fails(/^mcp-remote-exec: (cannot download |mcp-remote-exec-\S+ has the checksum )/m);
      site.faults.delete(FILE);
      stage.offer("#!/bin/sh\nexit 1\n");
      await fails(/^mcp-remote-exec: mcp-remote-exec-\S+ does not run on this system$/m);
      site.files.set("SHA256SUMS", new TextEncoder().encode(`${"0".repeat(64)}  another\n`));
      await fails(/^mcp-remote-exec: the release has no mcp-remote-exec-/m);
      await fails(/^mcp-remote-exec: the address of the downloads is not decided yet$/m, {
        MCP_REMOTE_EXEC_URL: "",
      });
    },
  });

  peerTest({
    peer: peers,
    name: `install.sh in ${shell} reports a directory that cannot be written`,
    async fn() {
      await using stage = new Stage(tools());
      Deno.writeTextFileSync(`${stage.home}/file`, "");
      // Not even root may create something in /proc.
      for (const folder of ["/proc", "/proc/none", `${stage.home}/file`]) {
        const { code, stderr } = await stage.install(shell, { MCP_REMOTE_EXEC_DIR: folder });
        assert.equal(code, 1);
        assert.ok(stderr.startsWith(`mcp-remote-exec: cannot write to ${folder}\n`), stderr);
      }
    },
  });
}

peerTest({
  peer: CURL,
  name: "install.sh takes the executable of each system, and refuses one that has none",
  async fn() {
    await using stage = new Stage([...TOOLS, "curl", "sha256sum"]);
    for (
      const [kernel, machine, translated, system] of [
        ["Linux", "x86_64", "", "linux-x64"],
        ["Linux", "aarch64", "", "linux-arm64"],
        ["Darwin", "arm64", "0", "macos-arm64"],
        ["Darwin", "x86_64", "0", "macos-x64"],
        ["Darwin", "x86_64", "1", "macos-arm64"],
      ] as const
    ) {
      stage.replace("uname", `case $1 in -s) echo ${kernel} ;; *) echo ${machine} ;; esac`);
      stage.replace("sysctl", `echo ${translated}`);
      stage.offer(PROGRAM, `mcp-remote-exec-${system}`);
      const { code, stdout, stderr } = await stage.install("sh");
      assert.equal(code, 0, stderr);
      assert.ok(stdout.startsWith(`Downloading ${stage.site.url}/mcp-remote-exec-${system}\n`));
    }
    for (const [kernel, machine] of [["FreeBSD", "amd64"], ["Linux", "riscv64"]]) {
      stage.replace("uname", `case $1 in -s) echo ${kernel} ;; *) echo ${machine} ;; esac`);
      const { code, stdout, stderr } = await stage.install("sh");
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(
        stderr,
        /^mcp-remote-exec: there is no executable for (FreeBSD|riscv64)\n {2}-> .+\n$/,
      );
    }
  },
});

Deno.test("install.sh names the programs of which it needs one", async () => {
  await using stage = new Stage(TOOLS);
  const { code, stderr } = await stage.install("sh");
  assert.equal(code, 1);
  assert.match(stderr, /^mcp-remote-exec: neither curl nor wget is installed\n {2}-> /);
  assert.deepEqual(stage.names(), []);
});

Deno.test("installer() writes the address of a release into both scripts, and nothing else", () => {
  const address = "https://git.example/me/project";
  for (const name of ["install.sh", "install.ps1"] as const) {
    const changed = installer(name, address).split("\n");
    const lines = installer(name, undefined).split("\n");
    const different = changed.filter((line, at) => line !== lines[at]);
    assert.equal(different.length, 1);
    assert.match(
      different[0] ?? "",
      /^\s*(default_url=|\$defaultUrl = )'https:\/\/git\.example\/me\/project\/releases\/download\/v\d+\.\d+\.\d+'$/,
    );
  }
});
