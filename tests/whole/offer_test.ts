import assert from "node:assert/strict";
import { startPlace } from "../support/places.ts";
import { runProgram } from "../support/program.ts";
import { RawClient, read } from "../support/raw_client.ts";
import { connectServer } from "../support/server.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { freePort } from "../support/free_port.ts";
import { CORE } from "../support/config.ts";

/** Returns the names of the offered tools, and what the server does with a call of each of two. */
async function offered(env: Readonly<Record<string, string>>) {
  await using place = await startPlace();
  Deno.writeTextFileSync(`${place.directory}/here`, "here");
  await using server = await connectServer({ env: { ...place.env, ...env }, cwd: place.directory });
  const { tools } = await server.client.listTools();
  const call = await server.call("ssh_exec_command", { command: "echo ran" });
  const upload = await server.call("ssh_upload_file", { local_path: "here", remote_path: "there" });
  const { data: stats } = await server.call("list_download_stats");
  const { code } = await server.end();
  assert.equal(code, 0);
  const { stderr } = server.server;
  return { names: tools.map(({ name }) => name), call, upload, stats, stderr };
}

Deno.test("READ_ONLY offers no tool that changes something, and no link over the HTTP API", async () => {
  const port = freePort();
  const { names, call, upload, stats, stderr } = await offered({
    READ_ONLY: "true",
    TOOLS: "ssh,links",
    DOWNLOAD_API_KEY: "0123456789abcdef",
    DOWNLOAD_PORT: String(port),
  });
  assert.deepEqual(names, [
    "ssh_read_file",
    "ssh_list_directory",
    "ssh_job_output",
    "ssh_list_jobs",
    "list_download_stats",
  ]);
  assert.deepEqual([call.data.code, upload.data.code], ["unknown_tool", "unknown_tool"]);
  assert.deepEqual(stats.open_links, []);
  assert.match(stderr, /^\[warn\] DOWNLOAD_API_KEY has no effect/m);
});

Deno.test("READ_ONLY keeps the HTTP API from listening", async () => {
  await using place = await startPlace();
  const port = freePort();
  const variables = { DOWNLOAD_API_KEY: "0123456789abcdef", DOWNLOAD_PORT: String(port) };
  await using server = await connectServer({
    env: { ...place.env, ...variables, READ_ONLY: "true" },
    cwd: place.directory,
  });
  await server.call("list_download_stats");
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }));
});

Deno.test("TOOLS offers the named tools, which work with the permissions that are left", async () => {
  const { names, call, upload, stats } = await offered({
    TOOLS: "ssh,-ssh_download_file,-ssh_download_directory",
  });
  const isLeft = (name: string) => name.startsWith("ssh_") && !name.startsWith("ssh_download_");
  assert.deepEqual(names, CORE.filter(isLeft));
  assert.equal(call.data.stdout, "ran\n");
  assert.equal(upload.data.success, true, upload.text);
  assert.equal(stats.code, "unknown_tool");
});

Deno.test("TOOLS without downloads of files still makes downloads of links", async () => {
  await using place = await startPlace();
  Deno.writeTextFileSync(`${place.host.directory}/there`, "there");
  const env = { ...place.env, TOOLS: "links", DOWNLOAD_PORT: String(freePort()) };
  await using server = await connectServer({ env, cwd: place.directory });
  const made = await server.call("generate_download_link", { path: "there", source: "host" });
  const answer = await fetch(String(made.data.download_url), { headers: { Accept: "*/*" } });
  assert.equal(await answer.text(), "there", made.text);
});

Deno.test("ssh_download_file works without any tool that uploads", async () => {
  await using place = await startPlace();
  Deno.writeTextFileSync(`${place.host.directory}/there`, "there");
  const env = { ...place.env, TOOLS: "ssh_download_file" };
  await using server = await connectServer({ env, cwd: place.directory });
  const got = await server.call("ssh_download_file", { remote_path: "there", local_path: "a/b" });
  assert.equal(got.data.success, true, got.text);
  assert.equal(Deno.readTextFileSync(`${place.directory}/a/b`), "there");
});

Deno.test("a server that offers no tool serves an empty list and says so on stderr", async () => {
  await using place = await startPlace();
  const env = { ...place.env, TOOLS: "proxmox" };
  await using client = await RawClient.connect({ env, cwd: place.directory }, "current");
  await client.send({ id: 1, method: "tools/list" });
  assert.deepEqual(read((await client.answerTo(1)).result, "tools"), []);
  await client.server.close();
  await client.server.ended();
  assert.match(client.server.stderr, /^\[warn\] READ_ONLY and TOOLS leave no tool/m);
});

Deno.test("an unknown name in TOOLS is a fault that says what was probably meant", async () => {
  await using place = await startPlace();
  const env = { ...place.env, TOOLS: "ssh_exec,-prxmox" };
  const { code, stderr } = await runProgram(["permissions"], { cwd: place.directory, env });
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^TOOLS names "ssh_exec", which is neither a tool nor a family\n {2}-> Did you mean ssh_exec_command\? Correct TOOLS$/m,
  );
  assert.match(stderr, /^TOOLS names "prxmox".*\n {2}-> Did you mean proxmox\?/m);
});

Deno.test("permissions shows what READ_ONLY and TOOLS leave, and what the workers lose", async () => {
  using place = temporaryDirectory();
  const env = {
    I_ACCEPT_RISKS: "true",
    HOST: "server.example",
    SSH_PASSWORD: "x",
    ENABLE_PROXMOX: "true",
    READ_ONLY: "true",
    TOOLS: "proxmox_list_vms,ssh",
    SSH_KNOWN_HOSTS: `${place.path}/hosts`,
  };
  const { code, stdout } = await runProgram(["permissions"], { cwd: place.path, env });
  assert.equal(code, 0);
  assert.equal(
    stdout,
    `offered tools
  READ_ONLY  true
  TOOLS      proxmox_list_vms, ssh
  tools      ssh_read_file, ssh_list_directory, ssh_job_output, ssh_list_jobs, proxmox_list_vms
worker ssh
  net    server.example:22
  read   ${place.path}/hosts, /etc/ssh/ssh_known_hosts
  write  none
  env, run, sys, ffi, import   none
main isolate
  all permissions dropped before the first message
`,
  );
});

Deno.test("doctor does not connect to a host that no offered tool needs", async () => {
  await using place = await startPlace();
  const env = { ...place.env, READ_ONLY: "true", TOOLS: "-ssh" };
  const { code, stdout } = await runProgram(["doctor"], { cwd: place.directory, env });
  assert.equal(code, 0, stdout);
  assert.doesNotMatch(stdout, /^(ok|FAIL) +(TCP|host key|login)/m);
  assert.equal(place.host.connectionCount(), 0);
});
