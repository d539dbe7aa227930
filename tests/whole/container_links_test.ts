import assert from "node:assert/strict";
import { ask } from "../downloads/http.ts";
import { type ContainerOptions, installProxmox } from "../fakes/proxmox/install.ts";
import { content } from "../fakes/ssh_host_client.ts";
import { CONTAINERS, type Peer, peerTest, UNZIP } from "../peers/require.ts";
import { startPlace } from "../support/places.ts";
import { type Connected, connectServer } from "../support/server.ts";
import { outputOf } from "../support/command.ts";

interface Guest {
  readonly server: Connected;
  /** The root directory of container 101 on this machine. */
  readonly root: string;
  /** A directory on this machine for the test. */
  readonly home: string;
}

interface Options {
  readonly peer?: Peer;
  readonly container?: Partial<ContainerOptions>;
}

function containerTest(
  name: string,
  use: (guest: Guest) => Promise<void>,
  { peer, container = {} }: Options = {},
): void {
  peerTest({
    name,
    peer: peer === undefined ? CONTAINERS : [peer, ...CONTAINERS],
    async fn() {
      const pve = await installProxmox();
      try {
        await pve.addContainer({ ctid: 101, status: "running", ...container });
        await using place = await startPlace({ env: { PATH: pve.binDirectory } });
        const env = { ...place.env, ENABLE_PROXMOX: "true" };
        await using server = await connectServer({ env, cwd: place.directory });
        await use({ server, root: pve.rootfs(101), home: place.home });
      } finally {
        await pve.close();
      }
    },
  });
}

async function link(server: Connected, path: string): Promise<Record<string, unknown>> {
  const made = await server.call("generate_download_link", { path, ctid: 101 });
  assert.equal(made.isError, false, made.text);
  return made.data;
}

containerTest("a link reaches a file in a container", async ({ server, root }) => {
  const bytes = content(200_003);
  Deno.writeFileSync(`${root}/opt/in 名.bin`, bytes);
  const { download_url } = await link(server, "/opt/in 名.bin");
  assert.ok(bytes.equals((await ask(String(download_url))).bytes));
  assert.equal((await ask(String(download_url))).status, 404);
});

containerTest("a link into a container says what is not there", async ({ server }) => {
  const cases = [
    [{ path: "/opt", ctid: 199 }, /^\[ERROR\] Container 199 not found/],
    [{ path: "/opt/none", ctid: 101 }, /\/opt\/none/],
    [{ path: "/opt/../etc/passwd", ctid: 101 }, /path traversal not allowed/],
  ] as const;
  for (const [args, message] of cases) {
    const { isError, text } = await server.call("generate_download_link", args);
    assert.equal(isError, true, text);
    assert.match(text, message);
  }
});

for (const bash of [true, false]) {
  containerTest(
    `a link reaches a directory in a container ${bash ? "with" : "without"} bash`,
    async ({ server, root, home }) => {
      const tree = `${root}/opt/tree`;
      Deno.mkdirSync(`${tree}/empty`, { recursive: true });
      Deno.mkdirSync(`${tree}/-sub dir`);
      const files: Record<string, Uint8Array> = {
        "-n": content(3),
        'it\'s "quoted" $HOME `id` 名.txt': content(1000),
        "line\nbreak": content(20),
        [`${"long ".repeat(30)}name`]: content(30),
        "-sub dir/900 kB": content(900_000),
        "zero": new Uint8Array(),
      };
      for (const [name, bytes] of Object.entries(files)) {
        Deno.writeFileSync(`${tree}/${name}`, bytes);
      }
      Deno.chmodSync(`${tree}/-n`, 0o750);
      Deno.linkSync(`${tree}/-n`, `${tree}/twin`);
      Deno.symlinkSync("/etc/passwd", `${tree}/way out`);
      const { download_url, left_out, file_type, size } = await link(server, "/opt/tree");
      assert.deepEqual([file_type, size], ["directory", 901_056]);
      assert.deepEqual(left_out, { count: 1, names: ["way out (link)"] });
      const archive = `${home}/tree.zip`;
      const got = await ask(String(download_url));
      assert.equal(got.status, 200, `${got.text} ${server.server.stderr}`);
      Deno.writeFileSync(archive, got.bytes);
      await outputOf("unzip", "-q", archive, "-d", `${home}/out`);
      for (const [name, bytes] of Object.entries({ ...files, twin: content(3) })) {
        const arrived = Deno.readFileSync(`${home}/out/${name.replace("\n", "_")}`);
        assert.deepEqual(arrived, new Uint8Array(bytes), name);
      }
      assert.equal((Deno.statSync(`${home}/out/-n`).mode ?? 0) & 0o777, 0o750);
      assert.equal(Deno.statSync(`${home}/out/empty`).isDirectory, true);
      assert.throws(() => Deno.lstatSync(`${home}/out/way out`), Deno.errors.NotFound);
    },
    { peer: UNZIP, container: { bash } },
  );
}

containerTest(
  "links reach files and directories of a container like NixOS",
  async ({ server, root }) => {
    Deno.writeTextFileSync(`${root}/opt/file`, "content");
    const file = await link(server, "/opt/file");
    assert.equal((await ask(String(file.download_url))).text, "content");
    const directory = await link(server, "/opt");
    assert.equal((await ask(String(directory.download_url))).status, 200);
  },
  { container: { programDirectory: "/run/current-system/sw/bin" } },
);

containerTest(
  "a link into a container names the program that is missing",
  async ({ server, root }) => {
    Deno.writeTextFileSync(`${root}/opt/file`, "content");
    const answer = await server.call("generate_download_link", { path: "/opt", ctid: 101 });
    assert.deepEqual([answer.isError, answer.data.code], [true, "unsupported"]);
    assert.match(String(answer.data.error), /container 101 has no program "find"$/);
  },
  { container: { without: ["find"] } },
);
