import assert from "node:assert/strict";
import { isFirst } from "../support/tokens.ts";
import { type Place, startPlace } from "../support/places.ts";
import { type Connected, connectServer } from "../support/server.ts";
import { CONFIGURATION_NAMES, CONFIGURATIONS, listTools } from "../support/catalogs.ts";
import { assertToolSnapshots } from "../support/snapshot.ts";

/** Every call fails at once: nothing listens where these variables point. */
async function withServer(
  env: Readonly<Record<string, string>>,
  run: (server: Connected, place: Place) => Promise<void>,
): Promise<void> {
  await using place = await startPlace();
  await using server = await connectServer({
    env: { ...place.env, ...env },
    cwd: place.directory,
  });
  await run(server, place);
}

for (const name of CONFIGURATION_NAMES) {
  Deno.test(`the server lists the tools and schemas of the snapshots (${name})`, () =>
    withServer(CONFIGURATIONS[name], async ({ client }, { host }) => {
      const { tools } = await client.listTools();
      assertToolSnapshots(name, onSnapshotHost(tools, host));
      const expected = (await listTools(name)).map((tool) => tool.name);
      assert.deepEqual(tools.map((tool) => tool.name), expected);
    }));
}

/** The tools as they are for the host and login of the snapshots. */
function onSnapshotHost<Tools>(tools: Tools, { hostname, username }: Place["host"]): Tools {
  const text = JSON.stringify(tools).replaceAll(`as ${username} on `, "as root on ")
    .replaceAll(hostname, "server.example");
  return JSON.parse(text);
}

Deno.test("every tool has a name, a title, a description and the hints that are no defaults", () =>
  withServer(CONFIGURATIONS.everything, async ({ client }) => {
    for (const tool of (await client.listTools()).tools) {
      const { name, title, description, annotations } = tool;
      assert.match(name, /^[a-z]+(_[a-z]+)+$/);
      assert.ok(title, name);
      // A later tool has few tokens for its description.
      assert.ok((description ?? "").length > (isFirst(tool) ? 40 : 25), name);
      const { readOnlyHint, destructiveHint, idempotentHint, ...rest } = annotations ?? {};
      assert.deepEqual(rest, {}, name);
      if (readOnlyHint) assert.deepEqual(annotations, { readOnlyHint: true }, name);
      else assert.equal(typeof destructiveHint, "boolean", name);
      assert.ok(idempotentHint === undefined || idempotentHint, name);
    }
  }));

/** The others accept `response_format` too; the test of unknown arguments passes it to all. */
const WITH_FORMAT = [
  "ssh_exec_command",
  "proxmox_container_exec_command",
  "proxmox_list_containers",
  "proxmox_container_status",
];

/** Arguments that explain themselves: a later tool has few tokens for its descriptions. */
const PLAIN = [
  "path",
  "content",
  "from_line",
  "lines",
  "tail_lines",
  "ctid",
  "depth",
  "hidden",
  "limit",
]
  .concat(["state", "node", "storage", "vmid", "hostname", "disk", "cores", "memory", "bridge"])
  .concat(["vlan", "gateway", "ssh_keys", "password", "unprivileged", "start", "ci_user", "backup"])
  .concat(["confirm_name", "new_id"])
  .concat(["overwrite", "create_directories", "expect_sha256", "dry_run", "permissions"])
  .concat(["job_id", "name", "stream", "grep", "max_characters", "local_path", "remote_path"]);

Deno.test("every argument of every tool is described, and no other is taken", () =>
  withServer(CONFIGURATIONS.everything, async ({ client }) => {
    for (const tool of (await client.listTools()).tools) {
      const { name, inputSchema } = tool;
      assert.equal(inputSchema.additionalProperties, false, name);
      const { response_format, ...others } = inputSchema.properties ?? {};
      for (const [argument, schema] of Object.entries(others)) {
        if (!isFirst(tool) && PLAIN.includes(argument)) continue;
        const { description } = schema as { description?: string };
        assert.ok((description ?? "").length > 10, `${name}: ${argument} is not described`);
      }
      assert.equal(response_format !== undefined, WITH_FORMAT.includes(name), name);
    }
  }));

for (const name of ["everything", "proxmox"] as const) {
  Deno.test(`every tool refuses an unknown argument by its name, in both forms (${name})`, () =>
    withServer(CONFIGURATIONS[name], async (server) => {
      for (const { name } of (await server.client.listTools()).tools) {
        const args = { no_such_argument: 1, response_format: "json" };
        // The client checks the answer against the tool's output schema.
        const { isError, data, text } = await server.call(name, args);
        assert.equal(isError, true, name);
        assert.equal(data.code, "invalid_argument", name);
        assert.match(String(data.error), /unknown argument 'no_such_argument'/, name);
        assert.deepEqual(JSON.parse(text), data, name);
        const plain = await server.call(name, { no_such_argument: 1 });
        assert.match(plain.text, /^\[ERROR\] Input validation error: /, name);
      }
    }));
}

Deno.test("an unknown tool is answered with the names of all tools", () =>
  withServer({}, async (server) => {
    const { tools } = await server.client.listTools();
    const { isError, data } = await server.call("ssh_exec", { command: "true" });
    assert.equal(isError, true);
    assert.equal(data.code, "unknown_tool");
    for (const { name } of tools) assert.ok(String(data.suggestion).includes(name));
  }));

Deno.test("stdout carries nothing but MCP, whatever happens", () =>
  withServer({ LOG_LEVEL: "debug" }, async (server, place) => {
    await server.call("ssh_exec_command", { command: "echo out; echo err >&2" });
    await server.call("ssh_exec_command", { command: "kill -KILL $$" });
    await server.call("ssh_exec_command", { nonsense: true });
    await server.server.sendText("this is no JSON\n\n{}\n[]\n");
    place.host.dropConnections();
    await server.call("ssh_exec_command", { command: "true" });
    await server.call("ssh_download_file", { remote_path: "/none", local_path: "x" });
    const { code } = await server.end();
    assert.equal(code, 0);
    for (const line of server.server.stdoutLines) {
      assert.equal((JSON.parse(line) as { jsonrpc: string }).jsonrpc, "2.0", line);
    }
    assert.ok(server.server.stdoutLines.length >= 7);
  }));

Deno.test("initialize tells name, version and where files are", () =>
  withServer({}, (server, place) => {
    const version = server.client.getServerVersion();
    assert.equal(version?.name, "mcp_remote_exec");
    assert.match(version?.version ?? "", /^\d+\.\d+\.\d+/);
    const instructions = server.client.getInstructions() ?? "";
    assert.ok(instructions.includes(place.directory) && instructions.includes("127.0.0.1"));
    return Promise.resolve();
  }));

Deno.test("a configuration that is half set is named on stderr, and the server works", () =>
  withServer({ ENABLE_IMAGEKIT: "true", R2_BUCKET: "b" }, async (server) => {
    const names = (await server.client.listTools()).tools.map(({ name }) => name);
    assert.ok(names.includes("ssh_upload_file"));
    await server.end();
    assert.match(server.server.stderr, /ImageKit plugin disabled: credentials not configured/);
    assert.match(server.server.stderr, /R2 exchange disabled: credentials not configured/);
  }));
