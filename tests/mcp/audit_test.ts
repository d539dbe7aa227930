import assert from "node:assert/strict";
import { createAuditLog, noAudit } from "../../src/mcp/audit.ts";
import { pure } from "../support/pure.ts";

const AT = Date.UTC(2031, 0, 2, 3, 4, 5, 678);

function audit(secrets: string[] = []) {
  const lines: string[] = [];
  return { lines, log: createAuditLog((line) => lines.push(line), secrets, () => AT) };
}

pure("createAuditLog() writes one JSON line per call", () => {
  const { lines, log } = audit();
  log.record({
    tool: "t",
    arguments: { a: 1 },
    outcome: "ok",
    durationMs: 12,
    bytes: 34,
    exitCode: 5,
  });
  log.record({ tool: "t", arguments: {}, outcome: "error", code: "timeout", durationMs: 5 });
  assert.ok(lines.every((line) => line.endsWith("}\n") && line.split("\n").length === 2));
  assert.deepEqual(lines.map((line) => JSON.parse(line)), [
    {
      time: "2031-01-02T03:04:05.678Z",
      tool: "t",
      arguments: { a: 1 },
      outcome: "ok",
      bytes: 34,
      exit_code: 5,
      duration_ms: 12,
    },
    {
      time: "2031-01-02T03:04:05.678Z",
      tool: "t",
      arguments: {},
      outcome: "error",
      code: "timeout",
      duration_ms: 5,
    },
  ]);
});

pure("createAuditLog() redacts secrets at any depth", () => {
  const { lines, log } = audit(["correct horse"]);
  const args = { command: "echo correct horse", list: [{ deep: "x correct horse y" }] };
  log.record({ tool: "t", arguments: args, outcome: "ok", durationMs: 1 });
  log.event({ event: "claimed", agent: "correct horse" });
  assert.doesNotMatch(lines.join(""), /correct horse/);
  assert.match(lines[0] ?? "", /"echo \[redacted\]"/);
});

pure("createAuditLog() redacts secrets in the names of arguments", () => {
  const { lines, log } = audit(["correct horse"]);
  const args = { "correct horse": 1 };
  log.record({ tool: "correct horse", arguments: args, outcome: "error", durationMs: 1 });
  assert.doesNotMatch(lines.join(""), /correct horse/);
});

pure("createAuditLog() redacts a secret that JSON writes with escapes", () => {
  const { lines, log } = audit(['quo"te\\']);
  log.record({ tool: "t", arguments: { command: 'a quo"te\\ b' }, outcome: "ok", durationMs: 1 });
  assert.equal(JSON.parse(lines[0] ?? "").arguments.command, "a [redacted] b");
});

pure("noAudit records nothing", () => {
  noAudit.record({ tool: "t", arguments: {}, outcome: "ok", durationMs: 1 });
  noAudit.event({});
});

Deno.test("createAuditLog() redacts the signature of a presigned URL", () => {
  const lines: string[] = [];
  const audit = createAuditLog((line) => lines.push(line), []);
  const address = "https://s3.example/b/k?X-Amz-Expires=60&X-Amz-Signature=0a1b2c&x=1";
  audit.record({
    tool: "exchange_download",
    arguments: { download_url: address },
    outcome: "ok",
    durationMs: 1,
  });
  assert.doesNotMatch(lines.join(""), /0a1b2c/);
  assert.match(lines.join(""), /X-Amz-Signature=\[redacted\]&x=1/);
});

pure("createAuditLog() writes the line without arguments that are nested too deeply", () => {
  const { lines, log } = audit();
  const deep: unknown = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
  log.record({ tool: "t", arguments: { deep }, outcome: "error", code: "x", durationMs: 1 });
  assert.deepEqual(JSON.parse(lines.join("")), {
    time: "2031-01-02T03:04:05.678Z",
    tool: "t",
    outcome: "error",
    code: "x",
    duration_ms: 1,
  });
});
