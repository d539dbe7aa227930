// Starts a program as a client does, in any of its forms, and checks that it answers and ends. For each system of a
// release, and plain JavaScript for any Node: node release/smoke.mjs COMMAND [ARGUMENT…]
import { spawn, spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import process from "node:process";

const LIMIT_MS = 60_000;
const [command, ...args] = process.argv.slice(2);
// Programs of npm are scripts on Windows.
const shell = process.platform === "win32" && !command.endsWith(".exe");

const { stdout: version } = spawnSync(command, [...args, "--version"], { encoding: "utf8", shell });
if (!/^mcp-remote-exec version \d+\.\d+\.\d+\S*\r?\n$/.test(version)) fail(`--version: ${version}`);

// Nothing listens on the port: an answer shows that the workers run.
const settings = {
  I_ACCEPT_RISKS: "true",
  HOST: "127.0.0.1",
  SSH_PORT: "1",
  SSH_PASSWORD: "none",
  SSH_CONFIG: "none",
  WORKING_DIRECTORY: tmpdir(),
};
const child = spawn(command, args, {
  env: { ...process.env, ...settings },
  stdio: ["pipe", "pipe", "inherit"],
  shell,
});
const limit = setTimeout(() => {
  child.kill("SIGKILL");
  fail("no answer or no end within a minute");
}, LIMIT_MS);
let text = "";
child.stdout.setEncoding("utf8").on("data", (chunk) => {
  text += chunk;
  // Its stdin stays open until the last answer, as a client's does.
  if (answers().some(({ id }) => id === 3)) child.stdin.end();
});
child.on("exit", (code, signal) => {
  clearTimeout(limit);
  check(code, signal);
});
send(1, "initialize", {
  protocolVersion: "2025-06-18",
  capabilities: {},
  clientInfo: { name: "smoke", version: "1" },
});
child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
send(2, "tools/list", {});
send(3, "tools/call", { name: "ssh_exec_command", arguments: { command: "true" } });

function send(id, method, params) {
  child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
}

function answers() {
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

function check(code, signal) {
  const byId = new Map(answers().map(({ id, result }) => [id, result]));
  const tools = byId.get(2)?.tools?.length ?? 0;
  const failure = byId.get(3)?.structuredContent?.code;
  if (code !== 0 || tools < 10 || failure !== "unreachable") {
    fail(
      `exit code ${code ?? signal}, ${tools} tools, call answered ${failure}:\n${
        text.slice(0, 2000)
      }`,
    );
  }
  process.stdout.write(`ok: ${version.trim()}, ${tools} tools\n`);
}

function fail(message) {
  process.stderr.write(`FAILED: ${command} ${args.join(" ")}: ${message}\n`);
  process.exit(1);
}
