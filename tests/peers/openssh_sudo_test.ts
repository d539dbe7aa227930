import assert from "node:assert/strict";
import type { ExecOutcome, ExecRequest } from "../../src/ssh/port.ts";
import {
  alive,
  failureOf,
  newTag,
  openSession,
  tagged,
  type TestSession,
  untilGone,
  untilStarted,
} from "./openssh.ts";
import { changeAccounts } from "./account.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { peerTest, SSHD } from "./require.ts";
import { type Sshd, startSshd } from "./sshd.ts";
import { SUDO, Sudoers, untilSleeping } from "./sudo.ts";

const NEEDED = [SSHD, ...SUDO];

const ASKS = "USER ALL=(ALL) ALL";
const FREE = "USER ALL=(ALL) NOPASSWD: ALL";

/** Runs one command as root. */
const asRoot = (
  session: TestSession,
  command: string,
  request: Partial<ExecRequest> = {},
): Promise<ExecOutcome> => session.exec(command, { sudo: true, ...request });

/** A session with the login's password for sudo. */
const withPassword = (sshd: Sshd, password = sshd.password ?? ""): Promise<TestSession> =>
  openSession(sshd, { ssh: { sudo: { password } } });

const withoutPassword = (sshd: Sshd): Promise<TestSession> =>
  openSession(sshd, { ssh: { sudo: {} } });

/** Starts a command of root and cancels it. */
async function stopRunning(session: TestSession, script: string, what: string): Promise<void> {
  const tag = newTag();
  const cancel = new AbortController();
  const request = { sudo: true, timeoutMs: 60_000 };
  const running = session.exec(tagged(tag, script), request, cancel.signal);
  await untilSleeping(tag);
  // What the host has sent before is read by then.
  await session.exec("true");
  cancel.abort();
  const { ending, processEnded } = await running;
  assert.deepEqual([ending, processEnded], ["cancelled", true], what);
  assert.deepEqual(alive(tag), [], what);
}

/** Returns the texts of all processes and of their environments. */
function processTexts(): string[] {
  const texts: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    for (const file of ["cmdline", "environ"]) {
      try {
        texts.push(Deno.readTextFileSync(`/proc/${name}/${file}`));
      } catch {
        // It has ended.
      }
    }
  }
  return texts;
}

/** Settings of sudo that change what it prints, asks, or runs a command in. */
const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  "use_pty": ["Defaults:USER use_pty", ASKS],
  "no use_pty": ["Defaults:USER !use_pty", ASKS],
  "a lecture": ["Defaults:USER lecture=always", ASKS],
  "no secure_path": ["Defaults:USER !secure_path", ASKS],
  "a prompt of its own": [
    `Defaults:USER passprompt_override, passprompt="[%h] Password of %p: "`,
    ASKS,
  ],
  "recorded output": ["Defaults:USER log_output, log_input, iolog_dir=HOME/io", ASKS],
  "one try": ["Defaults:USER passwd_tries=1", ASKS],
  "no password needed": [FREE],
  "a password of an earlier call that still counts": [
    "Defaults:USER timestamp_type=global, timestamp_timeout=5",
    ASKS,
  ],
};

peerTest({
  peer: NEEDED,
  name: "exec() with sudo runs a command as root, whatever sudo is set to",
  async fn() {
    await using sshd = await startSshd();
    await using sudoers = await Sudoers.allow(sshd, ASKS);
    for (const [what, lines] of Object.entries(SETTINGS)) {
      await sudoers.change(sshd, ...lines.map((line) => line.replaceAll("HOME", sshd.home)));
      await using session = await withPassword(sshd);
      for (const turn of ["first", "second"]) {
        const outcome = await asRoot(
          session,
          "id -u; cat; echo $HOME ${LC_ALL-none}; pwd; command -v useradd >/dev/null && echo found; echo err >&2; exit 7",
        );
        const { ending, exitCode, stdout, stderr, processEnded } = outcome;
        assert.deepEqual(
          [ending, exitCode, stdout.text, stderr.text, processEnded],
          ["exit", 7, `0\n/root none\n${sshd.home}\nfound\n`, "err\n", true],
          `${what}, ${turn} call`,
        );
      }
      if (!/pty|recorded|no password/.test(what)) continue;
      await stopRunning(session, "trap '' TERM; sleep 4000 | cat", what);
    }
  },
});

peerTest({
  peer: NEEDED,
  name: "exec() with sudo needs no password where sudo does not ask, and passes on stdin",
  async fn() {
    await using sshd = await startSshd();
    await using sudoers = await Sudoers.allow(sshd, FREE);
    await using session = await withoutPassword(sshd);
    const { stdout } = await asRoot(session, "id -u; cat");
    assert.equal(stdout.text, "0\n");
    const given = await asRoot(session, "cat; echo end", { stdin: "äöü\nline" });
    assert.equal(given.stdout.text, "äöü\nlineend\n");
    const long = "x'\"\\!\n$(id)`id`ä".repeat(500);
    const echoed = await asRoot(session, `cat <<'EOF'\n${long}\nEOF`);
    assert.equal(echoed.stdout.text, `${long}\n`);
    // A daemon that the command leaves behind lives on.
    const tag = newTag();
    const left = await asRoot(
      session,
      `nohup ${tagged(tag, "sleep 30").slice(5)} >/dev/null 2>&1 &`,
    );
    assert.deepEqual([left.ending, left.exitCode], ["exit", 0]);
    await untilSleeping(tag);
    for (const pid of alive(tag)) Deno.kill(pid, "SIGKILL");
    await sudoers.change(sshd, ASKS);
    const refused = await failureOf(asRoot(session, "id"));
    assert.equal(refused.code, "sudo_refused");
    assert.match(refused.suggestion, /SUDO_PASSWORD/);
  },
});

peerTest({
  peer: NEEDED,
  name: "the password of sudo is on stdin of sudo only",
  async fn() {
    await using sshd = await startSshd();
    await using _ = await Sudoers.allow(
      sshd,
      `Defaults:USER logfile=${sshd.home}/sudo.log, loglinelen=0`,
      ASKS,
    );
    await using session = await withPassword(sshd);
    const tag = newTag();
    const cancel = new AbortController();
    const command = tagged(tag, "env; cat; sleep 4000");
    const running = session.exec(command, { sudo: true, timeoutMs: 60_000 }, cancel.signal);
    await untilSleeping(tag);
    const secret = sshd.password ?? "";
    assert.ok(secret.length > 10);
    assert.deepEqual(processTexts().filter((text) => text.includes(secret)), []);
    await session.exec("true");
    cancel.abort();
    const outcome = await running;
    const texts = [
      JSON.stringify(outcome),
      await Deno.readTextFile(`${sshd.home}/sudo.log`),
      sshd.log(),
    ];
    for (const text of texts) assert.ok(!text.includes(secret));
    // The log of sudo names the command.
    assert.match(texts[1] ?? "", new RegExp(`mcp-remote-exec '?exec env MRE_TAG=${tag}`));
  },
});

peerTest({
  peer: NEEDED,
  name: "exec() with sudo leaves nothing of root running after a cancellation and a lost link",
  async fn() {
    await using sshd = await startSshd();
    await using _ = await Sudoers.allow(sshd, ASKS);
    for (const way of ["cancellation", "lost link", "end"] as const) {
      await using session = await withPassword(sshd);
      const scripts = [
        "sleep 4000 | cat",
        "trap '' TERM HUP; sleep 4000 & wait; sleep 4000",
        "set -m; sleep 4000 & sleep 4000 & wait",
      ];
      const cancel = new AbortController();
      const started = scripts.map((script) => {
        const tag = newTag();
        const request = { timeoutMs: 60_000, sudo: true };
        return { tag, running: session.exec(tagged(tag, script), request, cancel.signal) };
      });
      const outcomes = Promise.allSettled(started.map(({ running }) => running));
      for (const { tag } of started) await untilSleeping(tag);
      // What the host has sent before is read by then.
      await session.exec("true");
      if (way === "cancellation") cancel.abort();
      else if (way === "lost link") await sshd.killConnections();
      else await session.close();
      for (const { tag } of started) await untilGone(tag);
      for (const outcome of await outcomes) {
        if (way !== "cancellation") continue;
        assert.ok(outcome.status === "fulfilled");
        assert.deepEqual([outcome.value.ending, outcome.value.processEnded], ["cancelled", true]);
      }
    }
  },
});

peerTest({
  peer: NEEDED,
  name: "exec() with sudo leaves nothing of root running after a timeout",
  async fn() {
    await using sshd = await startSshd();
    await using _ = await Sudoers.allow(sshd, FREE);
    const clock = new FakeClock();
    await using session = await openSession(sshd, { ssh: { sudo: {} }, clock });
    const tag = newTag();
    const running = session.exec(tagged(tag, "echo begun; sleep 4000 | cat"), {
      ...{ sudo: true, timeoutMs: 60_000 },
    });
    await untilSleeping(tag);
    await untilStarted(clock, 1);
    clock.advance(60_000);
    const { ending, processEnded } = await running;
    assert.deepEqual([ending, processEnded], ["timeout", true]);
    await untilGone(tag);
  },
});

/** What sudo says no to, and what the answer names. */
const REFUSALS: readonly (readonly [string, readonly string[], RegExp, RegExp])[] = [
  ["a login that may nothing", [], /may not run every command/, /sudoers/],
  ["a login that may something else", ["USER ALL=(ALL) /bin/true"], /may not run every/, /sudoers/],
  ["requiretty", ["Defaults:USER requiretty", ASKS], /requiretty/, /!requiretty/],
];

peerTest({
  peer: NEEDED,
  name: "exec() with sudo says why sudo refuses",
  async fn() {
    await using sshd = await startSshd();
    await using sudoers = await Sudoers.allow(sshd, ASKS);
    for (const [what, lines, reason, remedy] of REFUSALS) {
      await sudoers.change(sshd, ...lines);
      for (const session of [await withPassword(sshd), await withoutPassword(sshd)]) {
        await using _ = session;
        const error = await failureOf(asRoot(session, "id"));
        assert.equal(error.code, "sudo_refused", what);
        if (session === undefined) continue;
        assert.ok(
          reason.test(error.message) || /asks for a password/.test(error.message),
          `${what}: ${error.message}`,
        );
        if (reason.test(error.message)) assert.match(error.suggestion, remedy, what);
        // The next call works as soon as sudoers allows it.
        await sudoers.change(sshd, FREE);
        assert.equal((await asRoot(session, "id -u")).stdout.text, "0\n", what);
        await sudoers.change(sshd, ...lines);
      }
    }
  },
});

// After a failed attempt sudo asks again by itself. It gets the end of stdin, which PAM counts too.
for (const [tries, records] of [[1, 1], [3, 2]] as const) {
  peerTest({
    peer: NEEDED,
    name: `a wrong password of sudo is sent once (passwd_tries=${tries})`,
    async fn() {
      await using sshd = await startSshd();
      const service = `${sshd.username}-pam`;
      const defaults = `Defaults:USER pam_service=${service}, passwd_tries=${tries}`;
      await using _ = await Sudoers.allow(sshd, defaults, ASKS);
      const directory = `${sshd.home}/../faillock`;
      await Deno.mkdir(directory);
      const lock = `dir=${directory} deny=10`;
      await using _pam = await Sudoers.pamService(service, [
        `auth required pam_faillock.so preauth ${lock}`,
        "auth sufficient pam_unix.so nodelay",
        `auth [default=die] pam_faillock.so authfail ${lock}`,
        "account required pam_unix.so",
      ]);
      await using session = await withPassword(sshd, "not the password");
      const calls = [1, 2, 3].map(() => failureOf(asRoot(session, "id")));
      const failures = [...await Promise.all(calls), await failureOf(asRoot(session, "id"))];
      for (const { code, message, suggestion } of failures) {
        assert.equal(code, "sudo_refused");
        assert.match(message, /does not accept SUDO_PASSWORD/);
        assert.match(suggestion, /restart the server/);
        assert.doesNotMatch(`${message} ${suggestion}`, /not the password/);
      }
      // pam_faillock stores 64 bytes for each failure.
      const { size } = await Deno.stat(`${directory}/${sshd.username}`);
      assert.equal(size, records * 64);
    },
  });
}

peerTest({
  peer: NEEDED,
  name: "exec() with sudo says that the password has expired",
  async fn() {
    await using sshd = await startSshd();
    await using _ = await Sudoers.allow(sshd, ASKS);
    await using session = await withPassword(sshd);
    await changeAccounts("chage", ["-d", "0", sshd.username]);
    const error = await failureOf(asRoot(session, "id"));
    assert.equal(error.code, "sudo_refused");
    assert.match(error.message, /has expired/);
  },
});
