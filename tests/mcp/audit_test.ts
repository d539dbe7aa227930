import assert from "node:assert/strict";
import { createHash } from "node:crypto";
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

pure("createAuditLog() leaves out the password of a new guest", () => {
  const { lines, log } = audit();
  const given = { password: "hunter22", options: { cipassword: "hunter22", passw: "hunter22" } };
  log.record({ tool: "t", arguments: given, outcome: "ok", durationMs: 1 });
  assert.deepEqual(JSON.parse(lines[0] ?? "").arguments, {
    password: "[redacted]",
    options: { cipassword: "[redacted]", passw: "[redacted]" },
  });
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

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

pure("createAuditLog() keeps a command of the max length whole", () => {
  const { lines, log } = audit();
  const command = "é".repeat(10_000);
  log.record({ tool: "t", arguments: { command }, outcome: "ok", durationMs: 1 });
  assert.equal(JSON.parse(lines.join("")).arguments.command, command);
});

pure("createAuditLog() cuts a long text and keeps its length and its SHA-256", () => {
  const { lines, log } = audit(["correct horse"]);
  const text = `${"x".repeat(999)}😀 correct horse ${"\n".repeat(5_000_000)}`;
  log.record({ tool: text, arguments: { text, [text]: 1 }, outcome: "error", durationMs: 1 });
  log.record({ tool: "t", arguments: { text }, outcome: "ok", durationMs: 1 });
  const logged = text.replace("correct horse", "[redacted]");
  const found = `${"x".repeat(999)}… (${logged.length} characters, sha256 ${sha256(logged)})`;
  assert.equal(JSON.parse(lines[0] ?? "").tool, found);
  assert.equal(JSON.parse(lines[1] ?? "").arguments.text, found);
  for (const line of lines) {
    assert.ok(line.length < 70_000 && line.endsWith("}\n"), `${line.length}`);
  }
});

pure("createAuditLog() cuts arguments that are many or have long names", () => {
  const many = { list: Array.from({ length: 100_000 }, (_, index) => `${index}`) };
  for (const given of [many, { ["n".repeat(9_000_000)]: 1 }, Array(500).fill("x".repeat(9_000))]) {
    const { lines, log } = audit();
    log.record({ tool: "t", arguments: given, outcome: "error", code: "x", durationMs: 1 });
    const all = JSON.stringify(given);
    const { arguments: logged, ...rest } = JSON.parse(lines.join(""));
    assert.equal(
      logged,
      `${all.slice(0, 1000)}… (${all.length} characters, sha256 ${sha256(all)})`,
    );
    assert.deepEqual([rest.tool, rest.outcome, rest.code], ["t", "error", "x"]);
  }
});
