import assert from "node:assert/strict";
import { openSession } from "./openssh.ts";
import { peerTest, ROOT } from "./require.ts";
import { startTinySsh, TINYSSH } from "./small_sshd.ts";

const LOOSE = { ssh: { strictHostKeyChecking: false } };

peerTest({
  peer: [TINYSSH, ROOT],
  name: "TinySSH: commands run, one after the other and at once, with one connection each",
  async fn() {
    await using tiny = await startTinySsh();
    await using session = await openSession(tiny, LOOSE);
    const before = tiny.connections();
    for (let turn = 0; turn < 3; turn++) assert.equal(await session.read("echo in"), "in\n");
    const codes = await Promise.all(
      [1, 2, 3, 4].map(async (code) => (await session.exec(`sleep 0.2; exit ${code}`)).exitCode),
    );
    assert.deepEqual(codes, [1, 2, 3, 4]);
    assert.ok(tiny.connections() - before <= 10, `${tiny.connections() - before} connections`);
  },
});

peerTest({
  peer: [TINYSSH, ROOT],
  name: "TinySSH: a file is copied both ways and verified by sha256",
  async fn() {
    await using tiny = await startTinySsh();
    await using session = await openSession(tiny, LOOSE);
    await session.file("up", "content");
    const up = await session.upload("up", "there");
    assert.deepEqual([up.verified, await session.read("cat there")], ["sha256", "content"]);
    assert.equal((await session.download("there", "down")).sha256, up.sha256);
  },
});
