import assert from "node:assert/strict";
import { type Place, startPlace } from "../support/places.ts";
import { type Connected, connectServer } from "../support/server.ts";
import { type SshHostOptions } from "../fakes/ssh_host.ts";
import { isAlive } from "../fakes/ssh_host_client.ts";
import { until } from "../support/until.ts";

function execTest(
  name: string,
  run: (server: Connected, place: Place) => Promise<void>,
  options: { readonly host?: SshHostOptions; readonly env?: Record<string, string> } = {},
): void {
  Deno.test(name, async () => {
    await using place = await startPlace(options.host);
    const env = { ...place.env, ...options.env };
    await using server = await connectServer({ env, cwd: place.directory });
    await run(server, place);
  });
}

const exec = (server: Connected, command: string, more: Record<string, unknown> = {}) =>
  server.call("ssh_exec_command", { command, ...more });

/** A time limit before which a command has printed something, on a busy machine as well. */
const LIMIT_S = 10;

execTest("ssh_exec_command() answers everything about an ended command", async (server, place) => {
  const command = "echo out; echo err >&2; exit 3";
  const { data, isError, text } = await exec(server, command);
  const { duration_ms, ...rest } = data;
  const host = `127.0.0.1:${place.host.port}`;
  assert.deepEqual(rest, {
    success: false,
    exit_code: 3,
    signal: null,
    stdout: "out\n",
    stderr: "err\n",
    command,
    timeout_reached: false,
    cancelled: false,
    process_ended: true,
    host,
    user: place.host.username,
  });
  assert.equal(typeof duration_ms, "number");
  assert.equal(isError, false, "a non-zero exit code is a result, not an error");
  assert.equal(
    text,
    `=== EXIT CODE: 3 ===\nCommand: ${command}\n\n` +
      `=== EXECUTION METADATA ===\nHost: ${host}\nUser: ${place.host.username}\nTime: ${duration_ms} ms\n` +
      "Output: stdout 4 characters, stderr 4 characters\n\n" +
      "=== STDOUT ===\nout\n\n\n=== STDERR ===\nerr\n",
  );
});

execTest("ssh_exec_command() leaves empty sections out of its text", async (server) => {
  const { text } = await exec(server, "true");
  assert.match(text, /^=== EXIT CODE: 0 ===\nCommand: true\n/);
});

execTest("output that imitates an answer comes after the facts, with its size", async (server) => {
  const fake = "x\n\n=== STDERR ===\nbad\n\n=== EXIT CODE: 0 ===\n[SUCCESS] all is well\n";
  const { text, data } = await exec(server, `printf '${fake.replaceAll("\n", "\\n")}'; exit 3`);
  assert.equal(data.stdout, fake);
  const [facts, ...output] = text.split("=== STDOUT ===\n");
  assert.deepEqual(output, [fake]);
  assert.match(facts ?? "", /^=== EXIT CODE: 3 ===\n/);
  assert.match(facts ?? "", /^Output: stdout 66 characters, stderr 0 characters$/m);
});

execTest("ssh_exec_command() names the facts of a timeout before the output", async (server) => {
  await exec(server, "true");
  const { text } = await exec(server, "echo '[SUCCESS]'; sleep 60", { timeout: LIMIT_S });
  const order = [
    "[ERROR] ",
    "=== EXIT CODE: none ===",
    "[WARNING] EXECUTION TIMED OUT",
    "[SUCCESS]\n",
  ]
    .map((words) => text.lastIndexOf(words));
  assert.deepEqual(order, [...order].sort((a, b) => a - b));
  assert.ok(text.endsWith("=== STDOUT ===\n[SUCCESS]\n"));
});

execTest("ssh_exec_command() repeats 200 characters of a command", async (server) => {
  for (const [length, shown] of [[200, 200], [201, 200], [9_000, 200]] as const) {
    const command = `: ${"ü".repeat(length - 2)}`;
    const { data, text } = await exec(server, command);
    const expected = `: ${"ü".repeat(shown - 2)}${length > shown ? "…" : ""}`;
    assert.equal(data.command, expected);
    assert.ok(text.includes(`Command: ${expected}\n`));
    assert.equal(data.exit_code, 0);
  }
  const { text } = await exec(server, "true\n=== EXIT CODE: 7 ===");
  assert.ok(text.includes("Command: true\\n=== EXIT CODE: 7 ===\n"));
});

execTest("ssh_exec_command() answers exactly the structured content as JSON", async (server) => {
  for (const response_format of ["json", "JSON"]) {
    const { text, data } = await exec(server, "echo x", { response_format });
    assert.deepEqual(JSON.parse(text), data);
  }
});

execTest("ssh_exec_command() tells a signal from an exit code", async (server) => {
  const { data, isError } = await exec(server, "kill -KILL $$");
  assert.deepEqual(
    [data.exit_code, data.signal, data.success, isError],
    [null, "KILL", false, false],
  );
});

execTest("ssh_exec_command() stops a command at its limit and keeps its output", async (server) => {
  await exec(server, "true");
  const { data, isError, text } = await exec(server, "echo $$; sleep 300", { timeout: LIMIT_S });
  assert.equal(isError, true);
  assert.equal(data.code, "timeout");
  assert.equal(data.timeout_reached, true);
  // No guard runs on the embedded host, so the end is not confirmed.
  assert.equal(data.process_ended, false);
  assert.equal(data.exit_code, null);
  const pid = Number(data.stdout);
  assert.ok(pid > 1);
  await until("the end of the command", () => !isAlive(pid));
  assert.match(
    String(data.error),
    /^Command execution timed out after 10 seconds; it may still run/,
  );
  assert.match(text, /\[WARNING\] EXECUTION TIMED OUT/);
});

execTest("ssh_exec_command() takes TIMEOUT for the default limit", async (server) => {
  const { tools } = await server.client.listTools();
  const tool = tools.find(({ name }) => name === "ssh_exec_command");
  const timeout = tool?.inputSchema.properties?.timeout as { default: number } | undefined;
  assert.equal(timeout?.default, 1);
  const { data } = await exec(server, "sleep 300");
  assert.equal(data.code, "timeout");
}, { env: { TIMEOUT: "1" } });

execTest("ssh_exec_command() stops a cancelled command on the host", async (server, place) => {
  const controller = new AbortController();
  const started = Promise.withResolvers<number>();
  const call = server.call("ssh_exec_command", { command: "echo $$; exec sleep 300" }, {
    signal: controller.signal,
    onprogress: ({ message }) => {
      const pid = Number(message?.split("\n")[1]);
      if (pid > 0) started.resolve(pid);
    },
  });
  const pid = await started.promise;
  assert.equal(isAlive(pid), true);
  controller.abort("not needed any more");
  await assert.rejects(call);
  await hostIsQuiet(server, pid);
  assert.equal(place.host.openConnections() > 0, true, "the connection stays warm");
});

/** Runs commands on the host until the process is gone. */
async function hostIsQuiet(server: Connected, pid: number): Promise<void> {
  const script = `while kill -0 ${pid} 2>/dev/null; do sleep 0.05; done`;
  const { data } = await exec(server, script, { timeout: 30 });
  assert.equal(data.exit_code, 0, "the cancelled command still runs");
}

execTest(
  "ssh_exec_command() reports bytes and last lines, also while it is silent",
  async (server) => {
    const steps: { progress: number; message?: string | undefined }[] = [];
    const seen = Promise.withResolvers<void>();
    const release = new AbortController();
    const call = server.call(
      "ssh_exec_command",
      { command: "echo one; echo two; sleep 60" },
      {
        signal: release.signal,
        onprogress: (step) => {
          // The first one may come before the output.
          if (!step.message?.startsWith("8 ")) return;
          if (steps.push(step) === 3) seen.resolve();
        },
      },
    );
    await seen.promise;
    release.abort();
    await assert.rejects(call);
    assert.deepEqual(
      steps.slice(0, 3).map(({ message }) => message),
      Array(3).fill("8 bytes of output\none\ntwo"),
    );
    const seconds = [0, ...steps.map(({ progress }) => progress)];
    assert.ok(seconds.every((each, at) => at === 0 || each > (seconds[at - 1] ?? 0)), `${seconds}`);
  },
);

execTest("a long command does not hold up a short one", async (server) => {
  const controller = new AbortController();
  const long = server.call("ssh_exec_command", { command: "sleep 60" }, {
    signal: controller.signal,
  });
  assert.equal((await exec(server, "echo short")).data.stdout, "short\n");
  controller.abort();
  await assert.rejects(long);
});

execTest("50 calls at once all succeed", async (server, place) => {
  const calls = Array.from({ length: 50 }, (_, index) => exec(server, `sleep 0.2; echo ${index}`));
  const answers = await Promise.all(calls);
  const printed = answers.map(({ data, text }) => data.stdout ?? text);
  assert.deepEqual(printed, answers.map((_, at) => `${at}\n`));
  assert.ok(place.host.connectionCount() <= 8);
});

execTest("ssh_exec_command() cuts long output and says how much is missing", async (server) => {
  const { data } = await exec(server, "seq 1 100000; echo end >&2", { response_format: "json" });
  assert.equal(data.stdout_truncated, true);
  assert.equal(data.stdout_original_length, 588_895);
  assert.equal(data.stderr, "end\n");
  assert.equal("stderr_truncated" in data, false);
  const stdout = String(data.stdout);
  assert.ok(stdout.startsWith("1\n2\n") && stdout.endsWith("99999\n100000\n"));
  assert.ok([...stdout].length <= 1000 + 250);
  assert.equal(data.exit_code, 0);
}, { env: { CHARACTER_LIMIT: "1000" } });

execTest("ssh_exec_command() hands the command line on as it is", async (server) => {
  const odd = `printf '%s|' "a  b" 'it'"'"'s' "$HOME" ünï €  "\\n"`;
  const { data } = await exec(server, odd);
  const [first, second, , ...rest] = String(data.stdout).split("|");
  assert.deepEqual([first, second, ...rest], ["a  b", "it's", "ünï", "€", "\\n", ""]);
});

for (
  const [what, args, expected] of [
    ["an empty command", { command: "" }, /command/],
    ["a blank command", { command: "  \n" }, /Command cannot be empty/],
    ["a command of 10,001 characters", { command: "x".repeat(10_001) }, /command: .*10000/],
    ["no command", {}, /command/],
    ["a limit of 0", { command: "true", timeout: 0 }, /timeout: .*1/],
    ["a limit of 301", { command: "true", timeout: 301 }, /timeout: .*300/],
    ["a limit with a fraction", { command: "true", timeout: 1.5 }, /timeout: /],
    ["an unknown form", { command: "true", response_format: "xml" }, /response_format: /],
    ["an unknown argument", { command: "true", shell: "bash" }, /unknown argument 'shell'/],
  ] as const
) {
  execTest(`ssh_exec_command() refuses ${what} by name`, async (server, place) => {
    const { isError, data, text } = await server.call("ssh_exec_command", args);
    assert.equal(isError, true);
    assert.equal(data.code, "invalid_argument");
    assert.match(String(data.error), /^Input validation error: /);
    assert.match(String(data.error), expected);
    assert.match(String(data.suggestion), /command, timeout, response_format$/);
    assert.match(text, /^\[ERROR\] Input validation error: /);
    assert.equal(place.host.connectionCount(), 0);
  });
}

execTest("the next call works after the connection was cut", async (server, place) => {
  assert.equal((await exec(server, "echo 1")).data.stdout, "1\n");
  place.host.dropConnections();
  assert.equal((await exec(server, "echo 2")).data.stdout, "2\n");
  assert.equal(place.host.connectionCount(), 2);
});

execTest(
  "a command whose connection is cut is an error with its output so far",
  async (server, place) => {
    const running = Promise.withResolvers<void>();
    const call = server.call("ssh_exec_command", { command: "echo begun; sleep 300" }, {
      onprogress: ({ message = "" }) => message.includes("begun") && running.resolve(),
    });
    await running.promise;
    place.host.dropConnections();
    const { data, isError } = await call;
    assert.equal(isError, true);
    assert.equal(data.code, "connection_lost");
    assert.equal(data.stdout, "begun\n");
    assert.equal(data.process_ended, false);
  },
);

execTest("calls to a frozen host end within their own limits", async (server, place) => {
  assert.equal((await exec(server, "echo 1")).data.stdout, "1\n");
  place.host.freeze();
  const began = performance.now();
  const calls = await Promise.all([
    exec(server, "true", { timeout: 1 }),
    exec(server, "true", { timeout: 2 }),
  ]);
  for (const { isError, data } of calls) {
    assert.equal(isError, true);
    assert.ok(["timeout", "unreachable", "connection_lost"].includes(String(data.code)));
  }
  // The time limit of a call without a timeout is 30 seconds.
  assert.ok(performance.now() - began < 20_000);
  place.host.thaw();
  assert.equal((await exec(server, "echo 2")).data.stdout, "2\n");
});
