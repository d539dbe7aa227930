import assert from "node:assert/strict";
import type { Progress } from "../../../src/mcp/tool.ts";
import { bothTest, type CallOptions, failure, type Node, nodeTest } from "../node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;

const copy = (
  node: Node,
  direction: "upload" | "download",
  args: Record<string, unknown> = {},
  options: CallOptions = {},
) =>
  node.call(`ssh_${direction}_directory`, {
    ctid: 101,
    local_path: "site",
    remote_path: "/srv/site",
    ...args,
  }, options);

function write(top: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    Deno.mkdirSync(`${top}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${top}/${path}`, content);
  }
}

bothTest("ssh_upload_directory and ssh_download_directory copy into a container and out of it", {
  containers: [WEB],
}, async (node) => {
  write(`${node.dir}/site`, { "index.html": "<h1>", "css/ü main.css": "body {}", "css/empty": "" });
  const steps: Progress[] = [];
  const up = await copy(node, "upload", {}, { progress: (step) => steps.push(step) });
  const message = "3 of 3 files, 11 of 11 bytes";
  assert.deepEqual(steps.at(-1), { progress: 11, total: 11, message });
  assert.deepEqual([up.data.sent, up.data.failed], [3, []], up.text);
  const there = `${node.pve.rootfs(101)}/srv/site`;
  assert.equal(Deno.readTextFileSync(`${there}/css/ü main.css`), "body {}");
  write(`${node.dir}/site`, { "index.html": "<h2>" });
  const dry = await copy(node, "upload", { overwrite: true, dry_run: true });
  assert.deepEqual([dry.data.sent, dry.data.unchanged, dry.data.deleted], [1, 2, 0]);
  assert.match(dry.text, /^\[DRY RUN\]/);
  const kept = await copy(node, "upload");
  assert.deepEqual(kept.data.failed, [{ path: "index.html", reason: "already exists" }]);
  const again = await copy(node, "upload", { overwrite: true });
  assert.deepEqual([again.data.sent, again.data.unchanged], [1, 2]);
  const down = await copy(node, "download", { local_path: "back" });
  assert.deepEqual([down.data.sent, down.data.failed], [3, []], down.text);
  assert.equal(Deno.readTextFileSync(`${node.dir}/back/index.html`), "<h2>");
  assert.deepEqual([...Deno.readDirSync(`${there}/..`)].map(({ name }) => name), ["site"]);
});

nodeTest("a directory tool says that a container does not exist or does not run", {
  containers: [WEB, { ctid: 102, hostname: "off", status: "stopped" }],
}, async (node) => {
  write(`${node.dir}/site`, { "a": "a" });
  const [missing] = failure(await copy(node, "upload", { ctid: 999 }));
  assert.equal(missing, "not_found");
  const [stopped] = failure(await copy(node, "download", { ctid: 102 }));
  assert.equal(stopped, "invalid_state");
});

nodeTest("a directory of which nothing can be copied is an error, which still has the reasons", {
  containers: [WEB],
}, async (node) => {
  write(`${node.dir}/site`, {});
  Deno.mkdirSync(`${node.dir}/site`);
  Deno.symlinkSync("/etc/passwd", `${node.dir}/site/out`);
  const answer = await copy(node, "upload");
  assert.deepEqual(failure(answer)[0], "io_error");
  assert.equal(answer.data.failed[0].path, "out");
  assert.match(answer.text, /^- out: symbolic link that leads out/m);
});
