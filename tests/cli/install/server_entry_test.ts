import assert from "node:assert/strict";
import { startCommand, startsThisProgram } from "../../../src/cli/install/server_entry.ts";
import { PACKAGE } from "../../../release/names.ts";
import { pure } from "../../support/pure.ts";

const program = {
  ...{ os: "linux", isCompiled: true, executable: "/opt/mcp-remote-exec" } as const,
  ...{ sourceTree: "/src", denoVersion: "2.9.4" },
};

pure("startCommand() is the path of the binary, npx or Deno with the task", () => {
  assert.deepEqual(startCommand(program), { command: "/opt/mcp-remote-exec", args: [] });
  const fromNpx = { ...program, executable: "/h/.npm/_npx/1/node_modules/m/bin/mcp-remote-exec" };
  assert.deepEqual(startCommand(fromNpx), { command: "npx", args: ["-y", PACKAGE] });
  assert.deepEqual(startCommand({ ...fromNpx, os: "windows" }), {
    command: "cmd",
    args: ["/c", "npx", "-y", "mcp-remote-exec"],
  });
  const fromPnpm = {
    ...program,
    executable: "/h/.cache/pnpm/dlx/1/node_modules/m/mcp-remote-exec",
  };
  assert.equal(startCommand(fromPnpm).command, "npx");
  const task = ["task", "--quiet", "--cwd", "/src", "start"];
  const source = { ...program, isCompiled: false, executable: "/usr/bin/deno" };
  assert.deepEqual(startCommand(source), { command: "/usr/bin/deno", args: task });
  const denoFromNpx = { ...source, executable: "/h/.npm/_npx/1/node_modules/deno/deno" };
  assert.deepEqual(startCommand(denoFromNpx), {
    command: "npx",
    args: ["-y", "deno@2.9.4", ...task],
  });
});

const start = { command: "/usr/bin/deno", args: ["task", "--cwd", "/src", "start"] };
const OURS: readonly unknown[] = [
  { command: "/usr/local/bin/mcp-remote-exec" },
  { command: "C:\\Program Files\\mcp-remote-exec.exe" },
  { command: "/opt/mcp-remote-exec-linux-x64" },
  { command: "npx", args: ["-y", "mcp-remote-exec@0.1.0"] },
  { command: "cmd", args: ["/c", "npx", "-y", "mcp-remote-exec"] },
  { command: { path: "/opt/mcp-remote-exec", args: [], env: {} } },
  start,
];
const OTHERS: readonly unknown[] = [
  { command: "/usr/bin/deno", args: ["task", "start"] },
  { command: "npx", args: ["-y", "other-server"] },
  { command: "ssh", args: ["mcp-remote-exec"] },
  { command: "my-mcp-remote-exec" },
  { url: "https://example.com/mcp-remote-exec" },
  null,
  "mcp-remote-exec",
];

pure("startsThisProgram() knows this program under every name, and no other program", () => {
  for (const entry of OURS) assert.ok(startsThisProgram(entry, start), JSON.stringify(entry));
  for (const entry of OTHERS) assert.ok(!startsThisProgram(entry, start), JSON.stringify(entry));
});
