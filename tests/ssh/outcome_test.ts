import assert from "node:assert/strict";
import fc from "../support/property.ts";
import {
  cutTexts,
  execAnswer,
  formatExec,
  formatTransfer,
  transferAnswer,
} from "../../src/ssh/outcome.ts";
import { pure } from "../support/pure.ts";

pure("cutTexts() keeps both streams within the limit and half of it for each", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 200 });
  fc.assert(fc.property(text, text, fc.integer({ min: 10, max: 150 }), (out, err, limit) => {
    const [stdout, stderr] = cutTexts(out, err, limit);
    const kept = [stdout, stderr].map(({ text, truncated }) => {
      const [head = "", tail = ""] = truncated
        ? text.split(/\n\n\[OUTPUT TRUNCATED[^\]]*\]\n\n/)
        : [text];
      return Array.from(head).length + Array.from(tail).length;
    });
    const lengths = [out, err].map((one) => Array.from(one).length);
    assert.deepEqual([stdout.originalLength, stderr.originalLength], lengths);
    const [outLength = 0, errLength = 0] = lengths;
    if (outLength + errLength <= limit) {
      return assert.deepEqual([stdout.text, stderr.text], [out, err]);
    }
    assert.equal((kept[0] ?? 0) + (kept[1] ?? 0), limit);
    const half = Math.floor(limit / 2);
    assert.ok((kept[0] ?? 0) >= Math.min(outLength, half));
    assert.ok((kept[1] ?? 0) >= Math.min(errLength, half));
  }));
});

const ANSWER = {
  ...{ success: false, exit_code: null, signal: "KILL", command: "c", timeout_reached: false },
  ...{ cancelled: true, duration_ms: 5, process_ended: false, host: "h:22", user: "u" },
};

pure("formatExec() states every fact and the sizes of the streams before the output", () => {
  const stdout = "=== STDERR ===\n[SUCCESS] 👍";
  const cut = { stdout_truncated: true, stdout_original_length: 9_000 };
  const text = formatExec({ ...ANSWER, ...cut, stdout, stderr: "e" }, ["Container: 101"]);
  assert.equal(
    text,
    "=== EXIT CODE: none ===\nCommand: c\nSignal: KILL\n[WARNING] EXECUTION CANCELLED\n" +
      "[WARNING] THE PROCESS MAY STILL RUN ON THE HOST\n\n" +
      "=== EXECUTION METADATA ===\nHost: h:22\nUser: u\nContainer: 101\nTime: 5 ms\n" +
      "Output: stdout 26 characters (cut from 9000), stderr 1 characters\n\n" +
      "=== STDOUT ===\n=== STDERR ===\n[SUCCESS] 👍\n\n=== STDERR ===\ne",
  );
});

pure("formatTransfer() shows a path on one line", () => {
  const path = "a\n[SUCCESS] forged\x1b[2J";
  const outcome = { path, bytes: 1, sha256: "ab", verified: "size", durationMs: 1 } as const;
  const paths = { local_path: path, remote_path: path };
  const answer = transferAnswer("upload", paths, outcome, undefined);
  const text = formatTransfer(answer, { host: "h", port: 22, user: "u" });
  const shown = "a\\n[SUCCESS] forged\\x1b[2J";
  assert.ok(text.includes(`\nLocal path: ${shown}\nRemote path: ${shown}\n`), text);
  assert.equal(answer.local_path, path);
});

pure("formatTransfer() sums up size and time as people say them, except of a small file", () => {
  const shown = (bytes: number, durationMs: number) => {
    const outcome = { path: "/f", bytes, sha256: "ab", verified: "size", durationMs } as const;
    const paths = { local_path: "f", remote_path: "/f" };
    const text = formatTransfer(transferAnswer("upload", paths, outcome, undefined), HOST);
    assert.ok(text.includes(`\nBytes transferred: ${bytes}\n`), text);
    return /^Summary: (.*)$/m.exec(text)?.[1];
  };
  assert.equal(shown(3_400_000, 200), "3.4 MB in 0.2 s");
  assert.equal(shown(25_000_000, 12_340), "25 MB in 12.3 s");
  assert.equal(shown(1000, 4), "1.0 kB in 0.004 s");
  assert.equal(shown(999, 200), undefined);
});

pure("execAnswer() says that the host sent no exit status", () => {
  const empty = { text: "", truncated: false, originalLength: 0 };
  const answer = execAnswer("c", {
    ...{ ending: "no_status", exitCode: null, signal: null, stdout: empty, stderr: empty },
    ...{ durationMs: 5, processEnded: false },
  }, { host: "h", port: 22, user: "u" });
  assert.deepEqual([answer.success, answer.exit_code], [false, null]);
  assert.match(answer.notice ?? "", /^The host sent no exit status/);
  assert.match(formatExec(answer), /\n\[NOTICE\] The host sent no exit status/);
});

const HOST = { host: "h", port: 22, user: "u" };
const whole = (text: string) => ({ text, truncated: false, originalLength: text.length });
const OUTCOME = {
  ...{ exitCode: null, signal: null, durationMs: 45_000, processEnded: false },
  ...{ stdout: whole("so far"), stderr: whole("") },
};

pure("execAnswer() says that a command goes on as a job, and how to read on", () => {
  const running = { ...OUTCOME, ending: "running", jobId: "j1" } as const;
  const answer = execAnswer("make", { ...running, stdoutBytes: 6, stderrBytes: 0 }, HOST);
  assert.deepEqual(
    [answer.running, answer.job_id, answer.process_ended, answer.timeout_reached, answer.stdout],
    [true, "j1", false, false, "so far"],
  );
  assert.match(
    answer.notice ?? "",
    /^STILL RUNNING as job j1 .*job_id j1, from 6, wait_seconds 45/,
  );
  assert.match(execAnswer("make", running, HOST).notice ?? "", /\(job_id j1, wait_seconds 45\)/);
  assert.doesNotMatch(formatExec(answer), /WARNING/);
});

pure("execAnswer() says where the missing part of a cut output begins", () => {
  const [stdout, stderr] = cutTexts("é".repeat(500), "x".repeat(300), 200);
  const outcome = { ...OUTCOME, stdout, stderr, ending: "exit", exitCode: 0 } as const;
  const answer = execAnswer("cat", { ...outcome, outputId: "out-1" }, HOST);
  assert.equal(answer.output_id, "out-1");
  assert.equal(
    answer.notice,
    "Read what is missing with ssh_job_output (job_id out-1, from 100; stream stderr from 50), for 15 minutes",
  );
  const later = execAnswer("cat", { ...outcome, ending: "running", jobId: "j1" }, HOST);
  assert.match(later.notice ?? "", /from 100 \(stderr: 50\)/);
  assert.equal(execAnswer("cat", outcome, HOST).notice, undefined);
});
