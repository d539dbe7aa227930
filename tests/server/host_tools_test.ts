import assert from "node:assert/strict";
import type { Environment } from "../../src/config/environment.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import type { Tool } from "../../src/mcp/tool.ts";
import { createTools, type Ports } from "../../src/server/tools.ts";
import { CONFIGURATIONS, MANY_HOSTS, offeredTools } from "../support/catalogs.ts";
import { configOf, fakeMachine } from "../support/config.ts";
import { pure } from "../support/pure.ts";

const SEVERAL = { HOST: undefined, HOSTS: "web1,web2,pve", PROXMOX_HOSTS: "pve" };
const CONTEXT = { signal: new AbortController().signal, progress: undefined };

/** Returns a port that answers every call with its host and the call. */
const recording = (calls: string[], host: number | string) =>
  new Proxy({}, {
    get: (_target, name) =>
      name === "then" ? undefined : (...args: readonly unknown[]) => {
        calls.push(`${host} ${String(name)} ${JSON.stringify(args[0])}`);
        return Promise.reject(new Error("recorded"));
      },
  }) as never; // used for a port of any type

/** Returns the tools of a configuration, and what they call. */
async function recordedTools(env: Environment): Promise<[Map<string, Tool>, string[]]> {
  const calls: string[] = [];
  const portsOf = (host: number | string): Ports => ({
    ssh: recording(calls, host),
    downloads: recording(calls, `${host} downloads`),
    transfers: recording(calls, `${host} transfers`),
  });
  const ports = { ...portsOf("no host"), ofHost: portsOf };
  const tools = await createTools(configOf(env, machine()), ports);
  return [new Map(tools.map((tool) => [tool.name, tool])), calls];
}

const machine = () =>
  fakeMachine({
    texts: { "/home/me/.ssh/config": "Host old\n  ProxyCommand nc %h %p\n" },
  });

type Recorded = Awaited<ReturnType<typeof recordedTools>>;

/** Calls a tool and returns the error. */
async function refusal([tools]: Recorded, name: string, args: Record<string, unknown>) {
  const tool = tools.get(name) ?? assert.fail(`${name} is not offered`);
  try {
    await tool.call(args, CONTEXT);
  } catch (error) {
    return error as { readonly code?: string; readonly message: string };
  }
  assert.fail(`${name} was not refused`);
}

pure("a call goes to the tool of the host that it names, without the argument", async () => {
  const recorded = await recordedTools(SEVERAL);
  const [, calls] = recorded;
  for (const [number, host] of ["web1", "web2", "pve"].entries()) {
    await refusal(recorded, "ssh_exec_command", { host, command: "true" });
    assert.match(calls.at(-1) ?? "", new RegExp(`^${number} exec .*"command":"true"`));
  }
  await refusal(recorded, "proxmox_list_vms", { host: "pve" });
  assert.match(calls.at(-1) ?? "", /^2 exec /);
});

pure("the argument host lists the names, and is required without a default", async () => {
  const schemaOf = async (env: Environment, tool: string) => {
    const { list } = createCatalog(await offeredTools(env as Record<string, string>));
    const { properties, required = [] } = list.find(({ name }) => name === tool)?.inputSchema ?? {};
    return { host: properties?.host, isRequired: required.includes("host") };
  };
  assert.deepEqual(await schemaOf(SEVERAL, "ssh_exec_command"), {
    host: { type: "string", enum: ["web1", "web2", "pve"] },
    isRequired: true,
  });
  assert.deepEqual(await schemaOf({ ...SEVERAL, HOST: "web2" }, "ssh_exec_command"), {
    host: { type: "string", enum: ["web2", "web1", "pve"], default: "web2" },
    isRequired: false,
  });
  assert.deepEqual(await schemaOf({ ...SEVERAL, HOST: "web2" }, "proxmox_list_vms"), {
    host: { type: "string", enum: ["pve"] },
    isRequired: true,
  });
  assert.deepEqual(await schemaOf(MANY_HOSTS, "ssh_exec_command"), {
    host: { type: "string", default: "server.example" },
    isRequired: false,
  });
  for (const tool of ["list_download_stats", "revoke_download_link"]) {
    assert.equal((await schemaOf(SEVERAL, tool)).host, undefined);
  }
});

pure("several hosts change nothing but the argument and the names in descriptions", async () => {
  const env = CONFIGURATIONS.everything;
  const one = createCatalog(await offeredTools(env)).list;
  const several = createCatalog(await offeredTools({ ...env, HOSTS: "web1" })).list;
  const without = several.filter(({ name }) => !name.endsWith("_hosts")).map((tool) => {
    const { host: _, ...properties } = tool.inputSchema.properties ?? {};
    if (tool.name === "ssh_list_jobs") {
      // It also names the hosts that did not answer.
      const given = Object.entries(tool.outputSchema?.properties ?? {});
      const fields = Object.fromEntries(given.filter(([name]) => name !== "failed"));
      const outputSchema = { ...tool.outputSchema, properties: fields };
      return { ...tool, inputSchema: { ...tool.inputSchema, properties }, outputSchema };
    }
    return { ...tool, inputSchema: { ...tool.inputSchema, properties } };
  });
  const named = (text: string) =>
    text.replaceAll("server.example", "the host").replaceAll("root on", "its user on");
  assert.equal(JSON.stringify(without), named(JSON.stringify(one)));
});

pure("sudo is refused for a host that has none, and false is no request for it", async () => {
  const recorded = await recordedTools({
    ...{ HOST: "web1", HOSTS: "old,web2", SUDO_PASSWORD_WEB1: "for web1" },
  });
  const [, calls] = recorded;
  const call = (host: string, sudo: boolean) =>
    refusal(recorded, "ssh_exec_command", { host, command: "true", sudo });
  await call("web1", true);
  assert.match(calls.at(-1) ?? "", /^0 exec .*"sudo":true/);
  await call("web2", false);
  assert.match(calls.at(-1) ?? "", /^2 exec /);
  assert.equal((await call("web2", true)).message, "sudo is not configured for web2");
  assert.equal(calls.length, 2);
});

pure("a call without host goes to the default host", async () => {
  const recorded = await recordedTools({ ...SEVERAL, HOST: "web2" });
  await refusal(recorded, "ssh_exec_command", { command: "true" });
  assert.match(recorded[1].at(-1) ?? "", /^0 exec /);
});

pure("a host that is not known, cannot be used or is no Proxmox VE server is refused", async () => {
  const recorded = await recordedTools({ ...SEVERAL, HOSTS: "web1,old,pve" });
  const refused = async (tool: string, args: Record<string, unknown>) => {
    const { code, message } = await refusal(recorded, tool, args);
    return `${code} ${message}`;
  };
  assert.match(await refused("ssh_exec_command", { command: "true" }), /host/);
  assert.match(await refused("ssh_exec_command", { command: "true", host: "web9" }), /host/);
  const old = await refused("ssh_exec_command", { command: "true", host: "old" });
  assert.match(old, /^host_unusable .*ProxyCommand/);
  const ctid = { path: "/etc/hosts", ctid: 101, host: "web1" };
  assert.match(await refused("ssh_read_file", ctid), /^invalid_argument web1 is not a Proxmox VE/);
  assert.match(await refused("proxmox_list_vms", { host: "web1" }), /host/);
  assert.deepEqual(recorded[1], []);
  const many = await recordedTools(MANY_HOSTS);
  const { code, message } = await refusal(many, "ssh_exec_command", {
    command: "true",
    host: "wen1",
  });
  assert.equal(`${code} ${message}`, "invalid_argument There is no host wen1; did you mean web1?");
});

pure(
  "a file of this machine needs no host, also when the default host cannot be used",
  async () => {
    const env = { ...CONFIGURATIONS.r2, HOST: "old", HOSTS: "web1,web2" };
    const recorded = await recordedTools(env);
    const [, calls] = recorded;
    await refusal(recorded, "generate_download_link", { path: "here" });
    await refusal(recorded, "exchange_upload", { local_path: "here" });
    assert.deepEqual(calls.map((call) => call.split(" ").slice(0, 3).join(" ")), [
      "1 downloads createLink",
      "1 transfers store",
    ]);
    for (
      const [tool, args] of [
        ["ssh_exec_command", { command: "true" }],
        ["generate_download_link", { path: "/there", source: "host" }],
      ] as const
    ) {
      assert.equal((await refusal(recorded, tool, args)).code, "host_unusable");
    }
    assert.equal(calls.length, 2);
  },
);

pure("a file of this machine needs no host, one of a host does", async () => {
  const recorded = await recordedTools({ ...CONFIGURATIONS.r2, ...SEVERAL });
  const [, calls] = recorded;
  await refusal(recorded, "generate_download_link", { path: "here" });
  await refusal(recorded, "exchange_upload", { local_path: "here" });
  assert.equal(calls.length, 2);
  assert.match(calls[1] ?? "", /^0 transfers store /);
  for (
    const [tool, args] of [
      ["generate_download_link", { path: "/there", source: "host" }],
      ["exchange_upload", { remote_path: "/there" }],
      ["exchange_upload", { remote_path: "/there", ctid: 101 }],
    ] as const
  ) {
    assert.match((await refusal(recorded, tool, args)).message, /host: required/);
  }
  assert.equal(calls.length, 2);
});
