import assert from "node:assert/strict";
import { connectTo, openSession, until } from "./openssh.ts";
import { peerTest, SSHD } from "./require.ts";
import { type Sshd, startSshd } from "./sshd.ts";
import { SUDO, Sudoers } from "./sudo.ts";

// The real server, or the binary that MRE_BINARY names.

const NEEDED = [SSHD, ...SUDO];
const ASKS = "USER ALL=(ALL) ALL";

/** Makes a directory that only root can enter. */
async function rootDirectory({ home }: Sshd): Promise<string> {
  const path = `${await Deno.realPath(`${home}/..`)}/only root's`;
  await Deno.mkdir(path, { mode: 0o700 });
  return path;
}

const factsOf = (path: string) => {
  const { mode, uid, gid } = Deno.statSync(path);
  return [(mode ?? 0) & 0o7777, uid, gid];
};

const names = (path: string): string[] => [...Deno.readDirSync(path)].map(({ name }) => name);

for (const way of ["password", "no password"] as const) {
  peerTest({
    peer: NEEDED,
    name: `files of root are read, written, edited and listed from an ordinary login (${way})`,
    async fn() {
      await using sshd = await startSshd();
      const isAsked = way === "password";
      await using _ = await Sudoers.allow(sshd, isAsked ? ASKS : "USER ALL=(ALL) NOPASSWD: ALL");
      const env = isAsked ? { SUDO_PASSWORD: sshd.password ?? "" } : { SUDO: "true" };
      const place = await rootDirectory(sshd);
      const dir = await Deno.makeTempDir({ prefix: "mre_whole_" });
      await using server = await connectTo(sshd, dir, env);
      const call = async (name: string, args: Readonly<Record<string, unknown>>) => {
        const { data, isError, text } = await server.call(name, { sudo: true, ...args });
        assert.equal(isError, false, text);
        return data;
      };
      const code = async (name: string, args: Readonly<Record<string, unknown>>) =>
        (await server.call(name, args)).data.code;

      const path = `${place}/app.conf`;
      await call("ssh_write_file", { path, content: "port = 1\nname = ä\n" });
      assert.deepEqual(factsOf(path), [0o644, 0, 0]);
      await Deno.chmod(path, 0o640);
      await Deno.chown(path, 1, 2);
      for (const args of [{ path }, { path, sudo: false }]) {
        assert.match(String(await code("ssh_read_file", args)), /^not_(permitted|found)$/);
      }
      const page = await call("ssh_read_file", { path });
      assert.equal(page.text, "port = 1\nname = ä\n");

      const edits = [{ old_text: "port = 1", new_text: "port = 2" }];
      const check = `test "$(id -u)" = 0 && grep -q "port = 2" "${path}"`;
      const failed = await server.call("ssh_edit_file", {
        ...{ path, edits, sudo: true },
        check: `${check} && exit 3`,
      });
      assert.equal(failed.data.code, "check_failed");
      assert.equal(Deno.readTextFileSync(path), "port = 1\nname = ä\n");
      assert.equal((await call("ssh_edit_file", { path, edits, check })).changed, true);
      assert.equal(Deno.readTextFileSync(path), "port = 2\nname = ä\n");
      assert.deepEqual(factsOf(path), [0o640, 1, 2]);
      const { entries } = await call("ssh_list_directory", { path: place });
      assert.equal(JSON.stringify(entries).includes("app.conf"), true);
      // A relative path starts at the login's directory.
      await call("ssh_write_file", { path: "of root", content: "1" });
      assert.deepEqual(factsOf(`${sshd.home}/of root`), [0o644, 0, 0]);

      await Deno.writeTextFile(`${dir}/up`, "uploaded\n");
      await call("ssh_upload_file", { local_path: "up", remote_path: `${place}/up` });
      assert.deepEqual(factsOf(`${place}/up`), [0o644, 0, 0]);
      await call("ssh_upload_file", {
        ...{ local_path: "up", remote_path: path, overwrite: true },
      });
      assert.deepEqual(factsOf(path), [0o640, 1, 2]);
      await call("ssh_download_file", { local_path: "down", remote_path: path });
      assert.equal(Deno.readTextFileSync(`${dir}/down`), "uploaded\n");

      await Deno.mkdir(`${dir}/site/sub`, { recursive: true });
      for (const name of ["a", "b c", "sub/ä"]) {
        await Deno.writeTextFile(`${dir}/site/${name}`, name);
      }
      const site = { local_path: "site", remote_path: `${place}/site` };
      assert.equal((await call("ssh_upload_directory", site)).sent, 3);
      assert.equal((await call("ssh_upload_directory", site)).unchanged, 3);
      assert.deepEqual(factsOf(`${place}/site/sub/ä`).slice(1), [0, 0]);
      await call("ssh_upload_directory", { ...site, remote_path: "of root's" });
      assert.deepEqual(factsOf(`${sshd.home}/of root's/sub/ä`).slice(1), [0, 0]);
      const back = { ...site, local_path: "back" };
      assert.equal((await call("ssh_download_directory", back)).sent, 3);
      assert.equal(Deno.readTextFileSync(`${dir}/back/sub/ä`), "sub/ä");
      assert.deepEqual(names(place).sort(), ["app.conf", "site", "up"]);
      await server.end();
      await Deno.remove(dir, { recursive: true });
    },
  });
}

peerTest({
  peer: NEEDED,
  name: "a file of root is complete or unchanged when the link is lost",
  async fn() {
    await using sshd = await startSshd();
    await using _ = await Sudoers.allow(sshd, ASKS);
    const place = await rootDirectory(sshd);
    const path = `${place}/large`;
    await Deno.writeTextFile(path, "old");
    {
      await using session = await openSession(sshd, {
        ssh: { sudo: { password: sshd.password ?? "" } },
      });
      await session.file("large", new Uint8Array(20_000_000));
      const to = { kind: "host", path, sudo: true } as const;
      const copying = session.upload("large", path, { to }).then(() => "done", ({ code }) => code);
      await until("the upload to begin", () => names(place).length > 1);
      await sshd.killConnections();
      const outcome = await copying;
      await until("the end of the upload on the host", () => names(place).length === 1);
      if (outcome !== "done") assert.equal(outcome, "connection_lost");
      if (outcome !== "done") assert.equal(Deno.readTextFileSync(path), "old");
    }
  },
});
