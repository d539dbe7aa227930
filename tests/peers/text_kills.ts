/**
 * Kills the server, or the SSH connections, at random moments of writes and edits. Run this file to do it
 * often: `deno run -A tests/peers/text_kills.ts 100`; the tests do it a few times.
 */
import assert from "node:assert/strict";
import { connectTo, until } from "./openssh.ts";
import { type Sshd, startSshd } from "./sshd.ts";
import { sha256 } from "./text_stage.ts";

/** What is killed, and when. */
export interface Kill {
  readonly what: "server" | "connections";
  readonly tool: "ssh_write_file" | "ssh_edit_file" | "ssh_edit_file with check";
  readonly afterMs: number;
}

const LINES = "a line of the file\n".repeat(50_000);
const OLD = `${LINES}old end\n`;
const NEW = `${LINES}new end\n`;

/**
 * Kills during one call. The file must have its old content or its new one, and nothing else may be left;
 * an edit whose check did not end must be undone.
 *
 * @returns whether the file has the new content
 */
export async function killOnce(sshd: Sshd, { what, tool, afterMs }: Kill): Promise<boolean> {
  const dir = `${sshd.home}/d`;
  await Deno.mkdir(dir, { recursive: true });
  await Deno.chown(dir, sshd.uid, null);
  await Deno.writeTextFile(`${dir}/f`, OLD);
  await Deno.chown(`${dir}/f`, sshd.uid, null);
  const local = await Deno.makeTempDir({ prefix: "mre_kill_" });
  try {
    await using server = await connectTo(sshd, local);
    const warm = await server.call("ssh_read_file", { path: `${dir}/f`, lines: 1 });
    assert.equal(warm.isError, false, warm.text);
    const name = tool === "ssh_write_file" ? "ssh_write_file" : "ssh_edit_file";
    const edits = [{ old_text: "old end", new_text: "new end" }];
    const check = tool === "ssh_edit_file with check" ? { check: "sleep 120" } : {};
    const args = name === "ssh_write_file"
      ? { content: NEW, overwrite: true }
      : { edits, ...check };
    const call = server.call(name, { path: `${dir}/f`, ...args }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    if (what === "connections") {
      await sshd.killConnections();
      await call;
    } else {
      server.server.kill("SIGKILL");
      await server.server.ended();
    }
    const names = () => [...Deno.readDirSync(dir)].map((entry) => entry.name);
    await until("the removal of temporary files", () => names().length === 1, 30_000);
    const content = Deno.readTextFileSync(`${dir}/f`);
    const isNew = content === NEW;
    assert.ok(
      isNew || content === OLD,
      `half-written: ${content.length} bytes, ${sha256(content)}`,
    );
    if (tool === "ssh_edit_file with check") assert.equal(isNew, false, "the edit was not undone");
    return isNew;
  } finally {
    await Deno.remove(local, { recursive: true });
  }
}

if (import.meta.main) {
  const count = Number(Deno.args[0] ?? 100);
  await using sshd = await startSshd();
  const results = new Map<string, number>();
  for (let run = 0; run < count; run++) {
    const tool =
      (["ssh_write_file", "ssh_edit_file", "ssh_edit_file with check"] as const)[run % 3];
    const what = run % 2 === 0 ? "server" : "connections";
    const afterMs = Math.floor(Math.random() * 400);
    const isNew = await killOnce(sshd, { what, tool: tool ?? "ssh_write_file", afterMs });
    const key = `${tool}, ${what}: ${isNew ? "new" : "old"}`;
    results.set(key, (results.get(key) ?? 0) + 1);
  }
  await Deno.stdout.write(
    new TextEncoder().encode(`${JSON.stringify(Object.fromEntries(results), null, 2)}\n`),
  );
}
