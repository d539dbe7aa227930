import { containerLine } from "../../src/proxmox/guests/container_exec.ts";
import { type FakeProxmox, installProxmox } from "../../tests/fakes/proxmox/install.ts";
import { addManyContainers } from "../../tests/fakes/proxmox/many.ts";
import type { Server } from "../../tests/demo/server.ts";
import { startDelayProxy } from "../../tests/peers/delay_proxy.ts";
import { type Sshd, startSshd } from "../../tests/peers/sshd.ts";
import { startEcho } from "../echo.ts";
import { type Bench, exec, interleave, type Rows, timed } from "../harness.ts";
import { figure, median } from "../numbers.ts";
import { PeerMissing } from "../peer_missing.ts";

const ROUND_TRIP_MS = 20;
const CTID = 101;
const GUESTS = 200;

/** Measures a command in a container against the same `pct exec` line run by ssh_exec_command. */
export const proxmoxRows: Rows = {
  name: "proxmox",
  about: `a container's \`true\` at ${ROUND_TRIP_MS} ms, against its own pct line over SSH`,
  async measure(bench) {
    if (Deno.uid() !== 0) throw new PeerMissing("root, whom containers need,");
    const node = await installProxmox();
    try {
      await node.addContainer({ ctid: CTID, status: "running", bash: true });
      await using sshd = await startSshd({
        loginUser: "root",
        config: ["PermitUserEnvironment yes"],
      });
      await putFirstOnPath(sshd, node);
      const inside = await measureNode(bench, sshd);
      await addManyContainers(node, GUESTS);
      return [...inside, ...await measureLists(bench, sshd)];
    } finally {
      await node.close();
    }
  },
};

async function putFirstOnPath(sshd: Sshd, node: FakeProxmox): Promise<void> {
  await Deno.mkdir(`${sshd.home}/.ssh`, { recursive: true });
  const path = `${node.binDirectory}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  await Deno.writeTextFile(`${sshd.home}/.ssh/environment`, `PATH=${path}\n`);
}

async function measureNode(bench: Bench, sshd: Sshd) {
  const oneWayMs = ROUND_TRIP_MS / 2;
  await using link = startDelayProxy({ targetPort: sshd.port, oneWayMs });
  await using echo = await startEcho(oneWayMs);
  await using server = await bench.startServer({
    port: link.port,
    env: {
      ENABLE_PROXMOX: "true",
      SSH_USERNAME: sshd.username,
      SSH_KEY: sshd.keyPath,
      SSH_KNOWN_HOSTS: await knownHosts(bench, sshd, link.port),
    },
  });
  const line = containerLine(CTID, "true");
  await execInside(server);
  const turns = { inside: [] as number[], line: [] as number[] };
  const counted = async (samples: number[], call: () => Promise<void>) => {
    const before = link.traffic().flights;
    const ms = await timed(call);
    samples.push(Math.floor((link.traffic().flights - before) / 2));
    return ms;
  };
  const samples = await interleave(25, {
    bare: () => timed(() => echo.roundTrip()),
    inside: () => counted(turns.inside, () => execInside(server)),
    line: () => counted(turns.line, () => exec(server, line)),
    plain: () => timed(() => exec(server, "true")),
  });
  // The time of pct itself belongs to the stand-in.
  const pctMs = median(samples.line) - median(samples.plain);
  const roundTripMs = median(samples.bare);
  const trips = (ms: readonly number[], offMs: number) =>
    figure(ms.map((each) => (each - offMs) / roundTripMs));
  return [
    {
      what: "container exec `true`, against the same pct line by exec",
      unit: "ms",
      ours: figure(samples.inside),
      theirs: figure(samples.line),
      aim: { of: "ratio", most: 1.1 },
    },
    {
      what: "the same without pct's own time, against a plain exec of `true`",
      unit: "round trips",
      ours: trips(samples.inside, pctMs),
      theirs: trips(samples.plain, 0),
    },
    {
      what: "the same, turns on the wire, against the same pct line",
      unit: "round trips",
      ours: figure(turns.inside),
      theirs: figure(turns.line),
    },
  ] as const;
}

/**
 * The lists of a large node. The fewest turns of some calls count: how the channel is closed, which no call waits for, may
 * add one.
 */
async function measureLists(bench: Bench, sshd: Sshd) {
  await using link = startDelayProxy({ targetPort: sshd.port, oneWayMs: ROUND_TRIP_MS / 2 });
  await using server = await bench.startServer({
    port: link.port,
    env: {
      ENABLE_PROXMOX: "true",
      CHARACTER_LIMIT: "1000000",
      SSH_USERNAME: sshd.username,
      SSH_KEY: sshd.keyPath,
      SSH_KNOWN_HOSTS: await knownHosts(bench, sshd, link.port),
    },
  });
  await execInside(server);
  const row = async (tool: string) => {
    const turns: number[] = [];
    for (let n = 0; n < 15; n++) {
      const before = link.traffic().flights;
      await list(server, tool);
      turns.push(Math.floor((link.traffic().flights - before) / 2));
    }
    return {
      what: `${tool} of ${GUESTS} guests, fewest turns on the wire`,
      unit: "round trips" as const,
      ours: figure([Math.min(...turns)]),
      aim: { of: "value", most: 3 } as const,
    };
  };
  return [await row("proxmox_list_containers"), await row("proxmox_resource_usage")];
}

async function list(server: Server, tool: string): Promise<void> {
  const { text, isError } = await server.call(tool, {});
  if (isError) throw new Error(`${tool} has failed:\n${text}`);
}

async function execInside(server: Server): Promise<void> {
  const args = { ctid: CTID, command: "true" };
  const { data, text } = await server.call("proxmox_container_exec_command", args);
  if (data.exit_code !== 0) throw new Error(`The command in the container has failed:\n${text}`);
}

async function knownHosts(bench: Bench, sshd: Sshd, port: number): Promise<string> {
  const path = `${bench.local}/known_hosts_of_port_${port}`;
  await Deno.writeTextFile(path, sshd.knownHostsText.replaceAll(`:${sshd.port} `, `:${port} `));
  return path;
}
