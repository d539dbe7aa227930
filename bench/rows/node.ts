import { onPath, peer } from "../../tests/peers/require.ts";
import type { ServerStart } from "../../tests/demo/server.ts";
import { type Bench, interleave, type Rows } from "../harness.ts";
import { figure } from "../numbers.ts";
import { PeerMissing } from "../peer_missing.ts";
import type { Result } from "../table.ts";
import { residentMegabytes } from "./memory.ts";
import { answers, OPENINGS, startProcess } from "./start.ts";

const ROUNDS = 12;

/** MCP servers in Node, by their program on PATH. Each lists its tools without a connection. */
const SERVERS = [
  {
    name: "mcp-server-everything",
    args: ["stdio"],
    npm: "@modelcontextprotocol/server-everything",
  },
  { name: "ssh-mcp", args: [], npm: "ssh-mcp" },
] as const;

/** How long and how much memory a client pays until it has the tools, next to servers in Node. */
export const nodeRows: Rows = {
  name: "node",
  about: "start and memory of the binary, against MCP servers in Node on PATH",
  async measure(bench) {
    const found = SERVERS.filter(({ name }) => peer(name, onPath(name)).installed);
    if (found.length === 0) {
      const packages = SERVERS.map(({ npm }) => npm).join(" ");
      throw new PeerMissing(`a server in Node (npm install --global ${packages})`);
    }
    const results: Result[] = [];
    for (const { name, args } of found) {
      const env = { PATH: Deno.env.get("PATH") ?? "", HOME: bench.local };
      const theirs = { program: { command: onPath(name), args }, cwd: bench.local, env };
      results.push(...await compare(bench, name, theirs));
    }
    return results;
  },
};

async function compare(bench: Bench, name: string, theirs: ServerStart): Promise<Result[]> {
  const ours = (await bench.programs()).at(-1);
  if (ours === undefined) return [];
  const memory = { ours: [] as number[], theirs: [] as number[] };
  const once = (who: keyof typeof memory, start: ServerStart) => async () => {
    const { ms, megabytes } = await startAndKill(start);
    memory[who].push(megabytes);
    return ms;
  };
  const samples = await interleave(ROUNDS, {
    ours: once("ours", bench.serverStart({ program: ours.program })),
    theirs: once("theirs", theirs),
  });
  const row = (
    what: string,
    unit: Result["unit"],
    values: Record<"ours" | "theirs", number[]>,
  ) => ({
    what: `${what}, ${ours.name}, against \`${name}\` in Node`,
    unit,
    ours: figure(values.ours),
    theirs: figure(values.theirs),
  });
  return [
    row("start to tools/list", "ms", samples),
    row("memory after tools/list", "MB", memory),
  ];
}

/** Kills, because not every server ends with its stdin. */
async function startAndKill(start: ServerStart): Promise<{ ms: number; megabytes: number }> {
  const startedAt = performance.now();
  const { child, input, lines } = startProcess(start);
  await answers(OPENINGS.initialize, input, lines);
  const ms = performance.now() - startedAt;
  const megabytes = residentMegabytes(child.pid);
  child.kill("SIGKILL");
  await child.status;
  await input.abort().catch(() => {}); // its pipe has gone with the process
  for await (const _line of lines); // to its end
  return { ms, megabytes };
}
