/** The life of guests through the complete program: a node, and deaths in the middle of its long steps. */
import assert from "node:assert/strict";
import { type FakeProxmox, installProxmox, type Version } from "../fakes/proxmox/install.ts";
import { connectTo } from "../peers/openssh.ts";
import type { Sshd } from "../peers/sshd.ts";
import { processesLike, startSshdFor } from "../proxmox/node.ts";
import type { Connected, ToolResult } from "../support/server.ts";
import { until } from "../support/until.ts";

/** A node that is reached over OpenSSH. */
export interface LifeStage extends AsyncDisposable {
  readonly pve: FakeProxmox;
  readonly sshd: Sshd;
  /** Starts the program. @param answerWithin seconds after which a step goes on as a job */
  connect(answerWithin?: number): Promise<Connected>;
}

export async function startLifeStage(version: Version): Promise<LifeStage> {
  const pve = await installProxmox({ version });
  const sshd = await startSshdFor(pve);
  const dir = await Deno.makeTempDir({ prefix: "mre_life_" });
  return {
    pve,
    sshd,
    connect: (answerWithin = 300) =>
      connectTo(sshd, dir, { ENABLE_PROXMOX: "true", ANSWER_WITHIN: String(answerWithin) }),
    async [Symbol.asyncDispose]() {
      await sshd.close();
      await pve.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

export function succeeded({ data, text, isError }: ToolResult): Record<string, unknown> {
  assert.equal(isError, false, text);
  return data;
}

/** A step that takes long. */
export interface LongStep {
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Reports whether the step has begun to change something. */
  isUnderWay(pve: FakeProxmox): Promise<boolean>;
}

/** What dies in the middle of a step. */
export type Death = "server unanswered" | "link unanswered" | "server answered";

export const DEATHS: readonly Death[] = [
  "server unanswered",
  "link unanswered",
  "server answered",
];

/**
 * Lets the server or its connection die in the middle of a step, and waits until nothing of the step runs on
 * the node. A step that was answered goes on as a job to its end.
 */
export async function dieWithin(
  { pve, sshd, connect }: LifeStage,
  { tool, args, isUnderWay }: LongStep,
  death: Death,
): Promise<void> {
  const server = await connect(death === "server answered" ? 1 : 300);
  await pve.setFault("taskHolds", 0);
  const call = server.call(tool, args).catch(() => undefined);
  await until(`${tool} is under way`, () => isUnderWay(pve));
  if (death === "server answered") {
    const answer = await call;
    assert.equal(answer?.data.running, true, answer?.text);
  }
  if (death === "link unanswered") {
    await sshd.killConnections();
    const answer = await call;
    assert.equal(answer?.data.code, "connection_lost", answer?.text);
  }
  server.server.kill("SIGKILL");
  await server.server.ended();
  await call;
  if (death === "server answered") await pve.setFault("taskHolds", undefined);
  await until("the end of the step", () => workersOf(pve).length === 0);
  await pve.setFault("taskHolds", undefined);
}

const workersOf = ({ stateDirectory }: FakeProxmox): string[] =>
  processesLike(new RegExp(`${stateDirectory}/pve\\.cjs internal worker `));

/**
 * Checks that a new server tells what is left of a guest, and that what it advises removes that. Returns
 * the lock, undefined for a guest that is gone or finished.
 */
export async function cleanUp(
  { pve, connect }: LifeStage,
  kind: "container" | "vm",
  id: number,
): Promise<string | undefined> {
  await using server = await connect();
  const argument = kind === "container" ? { ctid: id } : { vmid: id };
  const state = await pve.state(id);
  const found = await server.call(`proxmox_${kind}_config`, argument);
  if (state === undefined) {
    assert.equal(found.data.code, "not_found", found.text);
    assert.deepEqual((await pve.disks()).filter((name) => name.includes(`-${id}-`)), []);
    return undefined;
  }
  const config = succeeded(found).config as Record<string, string>;
  assert.equal(config.lock, state.lock);
  // As the lists show it: a restore that was killed may leave a VM without any setting.
  const name = kind === "container" ? config.hostname ?? `CT${id}` : config.name ?? `VM ${id}`;
  const destroy = () => server.call(`proxmox_destroy_${kind}`, { ...argument, confirm_name: name });
  if (state.lock !== undefined) {
    const refused = await destroy();
    assert.deepEqual([refused.data.code, /remove the lock/.test(refused.text)], ["locked", true]);
    const program = kind === "container" ? "pct" : "qm";
    succeeded(await server.call("ssh_exec_command", { command: `${program} unlock ${id}` }));
  }
  succeeded(await destroy());
  assert.deepEqual((await pve.disks()).filter((name) => name.includes(`-${id}-`)), []);
  return state.lock;
}

/** The creation of a container from the template that {@linkcode FakeProxmox.addTemplate} makes. */
export const creationOf = (ctid: number, template: string): LongStep => ({
  tool: "proxmox_create_container",
  args: { template, ctid, hostname: `ct${ctid}`, password: "hunter22", start: false },
  isUnderWay: (pve) => pve.hasRootDisk(ctid),
});

/** The state of a guest after a step that must have finished. */
export async function assertFinished(pve: FakeProxmox, id: number): Promise<void> {
  const state = await pve.state(id);
  assert.deepEqual([state?.lock, state?.passwordHash?.length], [undefined, 64]);
}
