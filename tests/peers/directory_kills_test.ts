import { type DirectoryKill, killDirectoryCopy } from "./directory_kills.ts";
import { peerTest, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";

const KILLS: readonly DirectoryKill[] = [
  { what: "server", direction: "upload", afterMs: 120 },
  { what: "connections", direction: "upload", afterMs: 200 },
  { what: "connections", direction: "download", afterMs: 60 },
];

peerTest({
  peer: SSHD,
  name: "killing the server or its connections leaves no half-written file in a directory",
  async fn() {
    await using sshd = await startSshd();
    for (const kill of KILLS) await killDirectoryCopy(sshd, kill);
  },
});
