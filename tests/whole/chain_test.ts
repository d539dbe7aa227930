/** Every tool through jump hosts, on hosts that nothing else reaches. */
import assert from "node:assert/strict";
import { content } from "../fakes/ssh_host_client.ts";
import { ask } from "../downloads/http.ts";
import { namespaceTest } from "../peers/net_namespaces.ts";
import { CONTAINERS, CURL, SSHD } from "../peers/require.ts";
import { runProgram } from "../support/program.ts";
import { until } from "../support/until.ts";
import { CHAIN_NAMES, type ChainName, type ChainStage, startChainStage } from "./chain_stage.ts";
import type { Args, Servers } from "./full_stage.ts";
import { addFiles, addGuests, TOOL_CALLS } from "./tool_calls.ts";

await namespaceTest({
  name: "every tool works on hosts behind one and two jump hosts, over IPv4 and IPv6",
  peer: [SSHD, CURL, ...CONTAINERS],
  async fn(t) {
    await using stage = await startChainStage();
    await t.step("a worker may connect to the bastion alone", () => onlyTheBastion(stage));
    await using servers = await stage.startServers();
    const calls = await callsOn(servers);
    await t.step("every tool on a Proxmox VE node behind the bastion", () => onNode(stage, calls));
    await t.step("commands on each host", () => onEachHost(stage, calls));
    await t.step("files go from host to host", () => fromHostToHost(stage, calls));
    await t.step("a link to a file behind two jump hosts", () => linkBehindTwo(stage, calls));
    await t.step("no tool was left out", () => {
      assert.deepEqual(calls.listed.filter((tool) => !calls.made.has(tool)), []);
    });
    await t.step(
      "a changed key of the host in the middle is refused with its name",
      () => changedInTheMiddle(stage, calls),
    );
  },
});

/** Calls of tools that must succeed. */
interface Calls {
  readonly servers: Servers;
  readonly listed: readonly string[];
  readonly made: ReadonlyMap<string, Record<string, unknown>>;
  takesHost(tool: string): boolean;
  /** Returns the answer. */
  call(tool: string, args: Args): Promise<Record<string, unknown>>;
}

async function callsOn(servers: Servers): Promise<Calls> {
  const both = [servers.imageKit, servers.direct].map(({ client }) => client.listTools());
  const tools = (await Promise.all(both)).flatMap((listed) => listed.tools);
  const made = new Map<string, Record<string, unknown>>();
  return {
    ...{ servers, made },
    listed: tools.map(({ name }) => name),
    takesHost: (tool) =>
      tools.some(({ name, inputSchema }) =>
        name === tool && Object.hasOwn(inputSchema.properties ?? {}, "host")
      ),
    async call(tool, args) {
      const { data, text, isError } = await servers.call(tool, args);
      assert.equal(isError, false, `${tool}: ${text}`);
      made.set(tool, data);
      return data;
    },
  };
}

async function onlyTheBastion({ directory, env, hosts }: ChainStage): Promise<void> {
  const { stdout } = await runProgram(["permissions"], { cwd: directory, env });
  const { address, sshd } = hosts.bastion;
  for (const name of CHAIN_NAMES) {
    const net = new RegExp(`^worker host ${name}\n  net +(\\S+)(.*)$`, "m").exec(stdout);
    assert.equal(net?.[1], `${address}:${sshd.port}`, stdout);
    assert.doesNotMatch(String(net?.[2]), /,.*\[?\d+[.:]\d+/);
  }
}

async function onNode({ pve, directory, hosts }: ChainStage, calls: Calls): Promise<void> {
  await addGuests(pve);
  const place = { directory, host: { directory: hosts.pve.sshd.home } };
  addFiles({ place });
  // The files of the other calls are this machine's.
  const remote: Record<string, Args> = {
    exchange_upload: { remote_path: `${place.host.directory}/f.txt`, local_path: undefined },
    exchange_download: {
      ...{ remote_path: `${place.host.directory}/ex.txt`, local_path: undefined },
    },
  };
  const { servers, made } = calls;
  const said = (tool: string) => made.get(tool) ?? {};
  const caller = { place, pve, said, servers: { ...servers, call: onHost("pve", calls) } };
  for (const [tool, { good }] of Object.entries(TOOL_CALLS)) {
    const args = typeof good === "function" ? await good(caller) : good;
    const host = calls.takesHost(tool) ? { host: "pve" } : {};
    await calls.call(tool, { ...args, ...remote[tool], ...host });
  }
  assert.equal(Deno.readTextFileSync(`${place.host.directory}/ex.txt`), "x");
}

const onHost = (host: ChainName, { servers, takesHost }: Calls): Servers["call"] => (tool, args) =>
  servers.call(tool, { ...args, ...(takesHost(tool) ? { host } : {}) });

async function onEachHost({ hosts }: ChainStage, { call }: Calls): Promise<void> {
  const command = "echo $LOGNAME; echo $SSH_CONNECTION";
  const { groups, failed } = await call("ssh_exec_on_hosts", { hosts: ["*"], command });
  assert.deepEqual(failed, []);
  assert.ok(Array.isArray(groups));
  assert.equal(groups.length, CHAIN_NAMES.length);
  for (const { hosts: names, stdout } of groups) {
    const [name] = names as ChainName[]; // one each, because each answer differs
    const { sshd, address } = hosts[name ?? "bastion"];
    const [login, connection = ""] = String(stdout).split("\n");
    assert.equal(login, sshd.username);
    // The namespace before it has the other address of the same link.
    const from = address.replace(/\d+$/, (last) => String(Number(last) - 1));
    assert.match(connection, new RegExp(`^${from} \\d+ ${address} ${sshd.port}$`));
  }
}

async function fromHostToHost({ hosts }: ChainStage, { call }: Calls): Promise<void> {
  const bytes = content(1_000_003);
  const { home } = hosts.web.sshd;
  Deno.writeFileSync(`${home}/large`, bytes);
  Deno.chmodSync(`${home}/large`, 0o644);
  const way = { from_host: "web", from_path: "large", to_host: "six", to_path: "large" };
  const copied = await call("ssh_copy_between_hosts", way);
  assert.equal(copied.verified, "sha256");
  const { download_url } = await call("exchange_upload", {
    ...{ host: "six", remote_path: `${hosts.six.sshd.home}/large` },
  });
  const there = `${hosts.deep.sshd.home}/large`;
  await call("exchange_download", { host: "deep", remote_path: there, download_url });
  assert.ok(bytes.equals(Deno.readFileSync(there)));
}

async function linkBehindTwo({ hosts }: ChainStage, { call }: Calls): Promise<void> {
  const path = `${hosts.deep.sshd.home}/large`;
  const link = await call("generate_download_link", { host: "deep", source: "host", path });
  const { bytes } = await ask(String(link.download_url));
  assert.deepEqual(bytes, Deno.readFileSync(path));
}

async function changedInTheMiddle({ hosts }: ChainStage, { servers }: Calls): Promise<void> {
  // Its connections end too; until the server has noticed that, a call may still be sent on one.
  await hosts.web.sshd.replaceHostKey();
  const refusal = async (host: ChainName) => {
    let error = "";
    await until(`the refusal of ${host}`, async () => {
      const { data } = await servers.direct.call("ssh_exec_command", { host, command: "true" });
      error = String(data.error);
      return data.code === "host_key_changed";
    });
    return error;
  };
  const changed = `he host key of '${hosts.web.address}' has changed: got ssh-ed25519 `;
  assert.match(await refusal("deep"), new RegExp(`^Jump host 'web': T${changed}`));
  assert.match(await refusal("web"), new RegExp(`^T${changed}`));
}
