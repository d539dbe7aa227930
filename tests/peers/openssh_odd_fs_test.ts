/** Files on a file system that refuses modes, and that has bad sectors. */
import assert from "node:assert/strict";
import { connectTo } from "./openssh.ts";
import { content } from "../fakes/ssh_host_client.ts";
import { mayMountOddFs, mountOddFs, type OddFs } from "./odd_fs.ts";
import { CURL, peerTest, skipTest, SSHD, UNZIP } from "./require.ts";
import { type Sshd, startSshd } from "./sshd.ts";
import { outputOf, runCommand } from "../support/command.ts";
import type { Connected } from "../support/server.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { until } from "../support/until.ts";

interface Scene {
  readonly server: Connected;
  readonly odd: OddFs;
  readonly sshd: Sshd;
  readonly directory: string;
}

function oddFsTest(name: string, body: (scene: Scene) => Promise<void>): void {
  const peers = [SSHD, CURL, UNZIP];
  const test = {
    name,
    peer: peers,
    async fn() {
      await using odd = await mountOddFs();
      await using sshd = await startSshd({ loginUser: "root" });
      using work = temporaryDirectory();
      const directory = work.path;
      const env = { WORKING_DIRECTORY: odd.path, ALLOWED_DIRECTORIES: directory };
      await using server = await connectTo(sshd, directory, env);
      await body({ server, odd, sshd, directory });
    },
  };
  if (mayMountOddFs) return peerTest(test);
  skipTest(test, "/dev/fuse, python3-fusepy, root");
}

oddFsTest(
  "ssh_upload_file accepts the mode of a file system that allows no other",
  async (scene) => {
    const { server, odd, directory } = scene;
    Deno.writeTextFileSync(`${directory}/up`, "content");
    const upload = (more: Record<string, unknown>) =>
      server.call("ssh_upload_file", {
        local_path: `${directory}/up`,
        remote_path: `${odd.path}/conf`,
        ...more,
      });
    for (const more of [{}, { overwrite: true }, { overwrite: true, permissions: 640 }]) {
      const { data, text } = await upload(more);
      assert.deepEqual([data.success, data.verified], [true, "sha256"], text);
      assert.equal(Deno.readTextFileSync(`${odd.path}/conf`), "content");
      assert.equal((Deno.statSync(`${odd.path}/conf`).mode ?? 0) & 0o7777, 0o640);
    }
    const refused = await upload({ overwrite: true, permissions: 600 });
    assert.equal(refused.data.code, "not_permitted");
    assert.match(refused.text, /Cannot set mode 0600 of .*\/conf: the host keeps 0640/);
    const again = await upload({});
    assert.equal(again.data.code, "already_exists");
    assert.deepEqual([...Deno.readDirSync(odd.path)].map(({ name }) => name), ["conf"]);
  },
);

const CURL_ERROR = { reset: 56, refused: 22 };

/** Downloads with curl, and returns its exit code. */
async function curl(url: string, target: string, ...args: string[]): Promise<number> {
  return (await runCommand("curl", ["-sSf", ...args, "-o", target, url])).code;
}

for (const source of ["local", "host"]) {
  oddFsTest(`a file that cannot be read leaves its link as it was (${source})`, async (scene) => {
    const { server, odd, directory } = scene;
    const bytes = content(5_000_000);
    odd.writeFile("big", bytes);
    const path = `${odd.path}/big`;
    const { data } = await server.call("generate_download_link", { path, source });
    const url = String(data.download_url);
    const target = `${directory}/copy`;
    odd.breakFile("big", true);
    // Before the first byte the answer is 503, and later the connection is reset.
    const broken = await curl(url, target);
    assert.ok(Object.values(CURL_ERROR).includes(broken), `${broken}`);
    await untilActive(server, 1);
    const making = await server.call("generate_download_link", { path, source });
    assert.equal(making.data.code, "io_error", making.text);
    odd.breakFile("big", false);
    assert.equal(await curl(url, target, "-C", "-"), 0);
    assert.ok(bytes.equals(Deno.readFileSync(target)));
    await untilActive(server, 0);
    assert.equal(await curl(url, target), CURL_ERROR.refused);
  });

  oddFsTest(`an archive with a file that cannot be read is aborted (${source})`, async (scene) => {
    const { server, odd, directory } = scene;
    Deno.mkdirSync(`${odd.path}/tree`);
    for (const name of ["a", "big", "z"]) odd.writeFile(`tree/${name}`, content(3_000_000));
    const path = `${odd.path}/tree`;
    const { data } = await server.call("generate_download_link", { path, source });
    const url = String(data.download_url);
    odd.breakFile("tree/big", true);
    for (const version of ["--http1.1", "--http1.0"]) {
      assert.equal(await curl(url, `${directory}/zip`, version), CURL_ERROR.reset);
      await untilActive(server, 1);
    }
    odd.breakFile("tree/big", false);
    assert.equal(await curl(url, `${directory}/zip`), 0);
    await outputOf("unzip", "-q", `${directory}/zip`, "-d", `${directory}/out`);
    assert.ok(content(3_000_000).equals(Deno.readFileSync(`${directory}/out/big`)));
    await untilActive(server, 0);
  });
}

/** Waits until so many links are active: curl sees the end of a download before the server has noted it. */
async function untilActive(server: Connected, count: number): Promise<void> {
  await until(`${count} active links`, async () => {
    const { data } = await server.call("list_download_stats");
    return Object(data.statistics).active_tokens === count;
  });
}
