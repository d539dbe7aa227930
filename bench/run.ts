import { availableParallelism, loadavg } from "node:os";
import { SSH_CLIENT, SSHD } from "../tests/peers/require.ts";
import { Bench, type OfflineRows, type Rows } from "./harness.ts";
import { PeerMissing } from "./peer_missing.ts";
import { directoriesRows, gigabyteRows } from "./rows/directories.ts";
import { distanceRows } from "./rows/distance.ts";
import { exchangeRows } from "./rows/exchange.ts";
import { execRows } from "./rows/exec.ts";
import { filesRows } from "./rows/files.ts";
import { firstRows } from "./rows/first.ts";
import { hostsRows, idleHostsRows } from "./rows/hosts.ts";
import { jobsRows } from "./rows/jobs.ts";
import { linksRows } from "./rows/links.ts";
import { memoryRows } from "./rows/memory.ts";
import { nodeRows } from "./rows/node.ts";
import { outputRows } from "./rows/output.ts";
import { parallelRows } from "./rows/parallel.ts";
import { pinnedRows } from "./rows/pinned.ts";
import { proxmoxRows } from "./rows/proxmox.ts";
import { rcloneRows } from "./rows/rclone.ts";
import { startRows } from "./rows/start.ts";
import { textsRows } from "./rows/texts.ts";
import { tokensRows } from "./rows/tokens.ts";
import { formatTable, type Result } from "./table.ts";

const ALL: readonly (Rows | OfflineRows)[] = [
  execRows,
  firstRows,
  parallelRows,
  outputRows,
  filesRows,
  rcloneRows,
  pinnedRows,
  startRows,
  memoryRows,
  nodeRows,
  distanceRows,
  directoriesRows,
  gigabyteRows,
  proxmoxRows,
  jobsRows,
  linksRows,
  exchangeRows,
  textsRows,
  tokensRows,
  hostsRows,
  idleHostsRows,
];

const HELP = `Measures the server against a real sshd, next to OpenSSH's own programs.

  deno task bench              everything
  deno task bench NAME...      some of it:

${ALL.map(({ name, about }) => `    ${name.padEnd(10)} ${about}`).join("\n")}
`;

const EXPLANATION =
  `A value is a median, behind it the range of the middle half. Ratio: ours to OpenSSH's, so a small one is
good for times and a large one for MB/s. OpenSSH is \`ssh\` through a warm shared connection (first exec: a
new one), for files \`sftp -b\` with the time of its connection taken off. Ours is the whole call over MCP,
for files with the comparison of both sha256. Where a row names another program, that column is its.
`;

const isOffline = (rows: Rows | OfflineRows): rows is OfflineRows => "offline" in rows;

if (import.meta.main) Deno.exit(await main(Deno.args));

/** Returns the exit code: a missed goal is shown, but is not a failure. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) return say(HELP);
  const unknown = args.filter((name) => !ALL.some((rows) => rows.name === name));
  if (unknown.length > 0) return say(`Unknown: ${unknown.join(", ")}\n\n${HELP}`, 2);
  const chosen = args.length === 0 ? ALL : ALL.filter((rows) => args.includes(rows.name));
  const offline = chosen.filter(isOffline);
  if (offline.length === chosen.length) return say(await measureOffline(offline));
  const missing = [SSHD, SSH_CLIENT].filter((peer) => !peer.installed);
  if (missing.length > 0) {
    const packages = missing.map((peer) => peer.debianPackage).join(" ");
    return say(`Needs a real SSH server: apt-get install --no-install-recommends ${packages}\n`, 1);
  }
  say(await measure(chosen));
  return 0;
}

async function measureOffline(chosen: readonly OfflineRows[]): Promise<string> {
  const results = await Promise.all(chosen.map((rows) => rows.measure()));
  return `\n${formatTable(results.flat())}\n`;
}

async function measure(chosen: readonly (Rows | OfflineRows)[]): Promise<string> {
  await using bench = await Bench.open();
  const results: Result[] = [];
  for (const rows of chosen) {
    progress(`measuring ${rows.name}: ${rows.about}`);
    try {
      results.push(...await rows.measure(bench));
    } catch (error) {
      if (!(error instanceof PeerMissing)) throw error;
      bench.notes.push(`Left out: ${rows.name}, for want of ${error.message}`);
    }
  }
  const notes = [...new Set(bench.notes)].map((note) => `\n${note}\n`).join("");
  return `\n${machine()}\n\n${formatTable(results)}\n\n${EXPLANATION}${notes}`;
}

function machine(): string {
  const load = loadavg().map((value) => value.toFixed(1)).join(" ");
  const cores = `${availableParallelism()} cores, load ${load}`;
  return `Deno ${Deno.version.deno}, ${openSshVersion()}, ${Deno.build.target}, ${cores}`;
}

function openSshVersion(): string {
  const { stderr } = new Deno.Command("ssh", { args: ["-V"] }).outputSync();
  return new TextDecoder().decode(stderr).split(",")[0] ?? "";
}

function say(text: string, code = 0): number {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
  return code;
}

function progress(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}
