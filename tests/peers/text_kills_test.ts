import assert from "node:assert/strict";
import { peerTest, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";
import { type Kill, killOnce } from "./text_kills.ts";

const KILLS: readonly Kill[] = [
  { what: "connections", tool: "ssh_edit_file", afterMs: 100 },
  { what: "server", tool: "ssh_edit_file with check", afterMs: 300 },
  { what: "connections", tool: "ssh_edit_file with check", afterMs: 300 },
];

peerTest({
  peer: SSHD,
  name: "killing the server or its connections leaves no file half-written and no edit unchecked",
  async fn() {
    await using sshd = await startSshd();
    for (const kill of KILLS) await killOnce(sshd, kill);
    assert.match(sshd.log(), /Accepted/);
  },
});
