/**
 * Does with the tools alone what an assistant without a local shell does: deploys a site of 200 files and changes
 * three of them, edits a configuration with a check that fails and one that passes, and reads the last hour of a
 * 2 GB log; on a host with nginx, and in a container. Run by hand, because it writes 4 GB:
 *
 *   MRE_BINARY=dist/mcp-remote-exec deno run -A --config deno.json tests/by_hand/files_as_assistant.ts
 *
 * Needs root, the OpenSSH server and nginx.
 */
import assert from "node:assert/strict";
import { installProxmox } from "../fakes/proxmox/install.ts";
import { line } from "../demo/print.ts";
import { connectTo } from "../peers/openssh.ts";
import { startSshdFor } from "../proxmox/node.ts";
import type { Connected } from "../support/server.ts";

type Data = Record<string, unknown>;

/** The host or a container: the tools that reach it, and where its files are on this machine. */
class Machine {
  readonly name: string;
  readonly #server: Connected;
  readonly #ctid: { readonly ctid?: number };
  readonly #root: string;

  constructor(name: string, server: Connected, root: string, ctid?: number) {
    this.name = name;
    this.#server = server;
    this.#root = root;
    this.#ctid = ctid === undefined ? {} : { ctid };
  }

  /** Where a file of the machine is on this one. */
  real(path: string): string {
    return `${this.#root}${path}`;
  }

  async call(tool: string, args: Data): Promise<{ data: Data; text: string; isError: boolean }> {
    const startedAt = performance.now();
    const { data, text, isError } = await this.#server.call(tool, { ...args, ...this.#ctid });
    line(
      `${this.name}: ${tool} ${Math.round(performance.now() - startedAt)} ms, ` +
        `${isError ? `${data.code}: ${data.error}` : (text.split("\n")[0] ?? "")}`,
    );
    return { data, text, isError };
  }

  async done(tool: string, args: Data): Promise<Data> {
    const { data, text, isError } = await this.call(tool, args);
    assert.equal(isError, false, text);
    return data;
  }

  async command(command: string): Promise<string> {
    const tool = this.#ctid.ctid === undefined
      ? "ssh_exec_command"
      : "proxmox_container_exec_command";
    const data = await this.done(tool, { command, timeout: 120 });
    if (data.job_id === undefined) return String(data.stdout);
    // It goes on after the answer.
    for (;;) {
      const { data: page } = await this.#server.call("ssh_job_output", {
        job_id: data.job_id,
        wait_seconds: 30,
      });
      line(`${this.name}: ssh_job_output ${JSON.stringify(page)}`);
      if (page.running === false) return String(page.text);
    }
  }
}

async function differences(from: string, to: string): Promise<string> {
  const args = ["-nc", "-rlpt", "--delete", "--itemize-changes", `${from}/`, `${to}/`];
  const { stdout, stderr } = await new Deno.Command("rsync", { args }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

async function deploy(machine: Machine, dir: string, www: string): Promise<void> {
  const site = `${dir}/${machine.name}`;
  for (let index = 0; index < 200; index++) {
    const folder = `${site}/${["", "css", "img/icons", "docs/en"][index % 4]}`;
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(`${folder}/page ${index}.html`, `<h1>${index}</h1>\n`.repeat(200));
  }
  const paths = { local_path: machine.name, remote_path: www };
  const dry = await machine.done("ssh_upload_directory", { ...paths, dry_run: true });
  assert.deepEqual([dry.sent, dry.deleted], [200, 0]);
  const first = await machine.done("ssh_upload_directory", paths);
  assert.deepEqual([first.sent, first.failed_count], [200, 0]);
  assert.equal(await differences(site, machine.real(www)), "");
  for (const index of [0, 4, 8]) Deno.writeTextFileSync(`${site}/page ${index}.html`, "new\n");
  const refused = await machine.done("ssh_upload_directory", paths);
  assert.deepEqual([refused.sent, refused.failed_count, refused.success], [0, 3, false]);
  const second = await machine.done("ssh_upload_directory", { ...paths, overwrite: true });
  assert.deepEqual([second.sent, second.unchanged, second.failed_count], [3, 197, 0]);
  assert.equal(await differences(site, machine.real(www)), "");
  const list = await machine.done("ssh_list_directory", { path: `${www}/css` });
  assert.equal((list.entries as unknown[]).length, 50);
}

async function configure(machine: Machine, path: string, text: string, check: string) {
  await machine.done("ssh_write_file", { path, content: text, create_directories: true });
  const read = await machine.done("ssh_read_file", { path });
  assert.equal(read.text, text);
  const edit = (new_text: string) => ({
    path,
    check,
    edits: [{ old_text: "keepalive_timeout 65;", new_text }],
    expect_sha256: read.sha256,
  });
  const bad = await machine.call("ssh_edit_file", edit("keepalive_timeout 65"));
  assert.equal(bad.data.code, "check_failed", bad.text);
  line(bad.text);
  assert.equal(Deno.readTextFileSync(machine.real(path)), text);
  const good = await machine.call("ssh_edit_file", edit("keepalive_timeout 30;"));
  line(good.text);
  assert.equal(good.data.changed, true);
  assert.match(Deno.readTextFileSync(machine.real(path)), /keepalive_timeout 30;/);
}

/** Writes 2 GB of lines, of which the last 3,000 are of the last hour. */
function writeLog(path: string): string {
  const old = Array.from({ length: 100_000 }, (_, index) => {
    const minute = String(Math.floor(index / 1_700)).padStart(2, "0");
    return `2026-11-28T20:${minute}:00Z GET /page/${index} 200 ${"x".repeat(60)}\n`;
  }).join("");
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const block = new TextEncoder().encode(old);
  for (let size = 0; size < 2_000_000_000; size += block.length) file.writeSync(block);
  const last = Array.from({ length: 3_000 }, (_, index) => {
    const minute = String(Math.floor(index / 50)).padStart(2, "0");
    return `2026-11-28T21:${minute}:00Z GET /late/${index} 500 😀\n`;
  }).join("");
  file.writeSync(new TextEncoder().encode(last));
  return last;
}

async function readLog(machine: Machine, path: string): Promise<void> {
  const last = writeLog(machine.real(path));
  const end = await machine.done("ssh_read_file", { path, tail_lines: 5 });
  assert.equal(end.text, last.split("\n").slice(-6).join("\n"));
  const found = await machine.command(`grep -n -m1 '^2026-11-28T21:' ${path} | cut -d: -f1`);
  let [text, next]: [string, unknown] = ["", Number(found)];
  for (let pages = 0; typeof next === "number"; pages++) {
    assert.ok(pages < 20);
    const page = await machine.done("ssh_read_file", { path, from_line: next });
    text += page.text;
    next = page.next_line;
  }
  assert.equal(text, last);
  const middle = await machine.done("ssh_read_file", { path, from_line: 1_000_000, lines: 2 });
  assert.deepEqual([middle.first_line, middle.last_line, middle.next_line], [
    1_000_000,
    1_000_001,
    1_000_002,
  ]);
  Deno.removeSync(machine.real(path));
}

const NGINX = (dir: string) =>
  `pid ${dir}/nginx.pid;\nerror_log ${dir}/error.log;\nevents {}\nhttp {\n  access_log off;\n` +
  `  keepalive_timeout 65;\n  server { listen 127.0.0.1:8099; root ${dir}/www; }\n}\n`;

const pve = await installProxmox();
try {
  await pve.addContainer({ ctid: 101, hostname: "web", status: "running" });
  await using sshd = await startSshdFor(pve);
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "mre_by_hand_" }));
  const env = { ENABLE_PROXMOX: "true", TIMEOUT: "120" };
  await using server = await connectTo(sshd, dir, env);
  const home = sshd.home;
  const host = new Machine("host", server, "");
  await deploy(host, dir, `${home}/www/site`);
  const conf = `${home}/nginx/nginx.conf`;
  await configure(host, conf, NGINX(home), `/usr/sbin/nginx -t -c ${conf}`);
  await readLog(host, `${home}/access.log`);
  const box = new Machine("container", server, pve.rootfs(101), 101);
  await deploy(box, dir, "/srv/www/site");
  const check = "! grep -n 'keepalive_timeout [0-9]*$' /etc/nginx/nginx.conf";
  await configure(box, "/etc/nginx/nginx.conf", NGINX("/srv"), check);
  await readLog(box, "/srv/access.log");
  line("All done.");
  await Deno.remove(dir, { recursive: true });
} finally {
  await pve.close();
}
