/**
 * Kills the server, or the SSH connections, at random moments of directory copies, and checks that no file is
 * half-written. Run by hand, because each kill takes seconds:
 *
 *   deno run -A tests/by_hand/directory_kills.ts 100
 *
 * Needs the OpenSSH server.
 */
import { type DirectoryKill, killDirectoryCopy } from "../peers/directory_kills.ts";
import { startSshd } from "../peers/sshd.ts";

/** A copy takes about so long on two cores. */
const MAX_AFTER_MS = { upload: 800, download: 300 } as const;

const count = Number(Deno.args[0] ?? 100);
await using sshd = await startSshd();
const results = new Map<string, number[]>();
for (let run = 0; run < count; run++) {
  const direction = run % 4 < 2 ? "upload" : "download";
  const kill: DirectoryKill = {
    what: run % 2 === 0 ? "server" : "connections",
    direction,
    afterMs: Math.floor(Math.random() * MAX_AFTER_MS[direction]),
  };
  const arrived = await killDirectoryCopy(sshd, kill);
  const key = `${kill.direction}, ${kill.what}`;
  results.set(key, [...results.get(key) ?? [], arrived].sort((a, b) => a - b));
}
const text = [...results].map(([key, arrived]) =>
  `${key}: ${arrived.length} kills, files that had arrived: ${arrived.join(" ")}\n`
);
await Deno.stdout.write(new TextEncoder().encode(text.join("")));
