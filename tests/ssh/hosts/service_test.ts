import assert from "node:assert/strict";
import { RemoteExecError } from "../../../src/errors.ts";
import { fleetTool } from "../../../src/ssh/hosts/fleet_tool.ts";
import { FleetService } from "../../../src/ssh/hosts/service.ts";
import type { ExecOutcome, ExecRequest } from "../../../src/ssh/port.ts";
import { configOf, fakeMachine } from "../../support/config.ts";
import { pure } from "../../support/pure.ts";

const text = (content: string) => ({
  text: content,
  truncated: false,
  originalLength: content.length,
});

const outcomeOf = (stdout: string, more: Partial<ExecOutcome> = {}): ExecOutcome => ({
  ending: "exit",
  exitCode: 0,
  signal: null,
  stdout: text(stdout),
  stderr: text(""),
  durationMs: 1,
  processEnded: true,
  ...more,
});

type Run = (host: string, request: ExecRequest) => Promise<ExecOutcome>;

/** Returns the tool for hosts h0, h1 … and one that cannot be used, on a given command runner. */
function toolOn(run: Run, count = 4) {
  const texts = { "/home/me/.ssh/config": "Host old\n  ProxyCommand nc %h %p\n" };
  const names = Array.from({ length: count }, (_, at) => `h${at}`);
  const env = { HOST: undefined, HOSTS: [...names, "old"].join(",") };
  const config = configOf(env, fakeMachine({ texts }));
  const hosts = config.hosts ?? assert.fail("there is one host");
  const services = (host: number) => ({
    exec: (request: ExecRequest) => run(hosts.list[host]?.name ?? "", request),
  });
  return fleetTool(new FleetService(hosts, services, config.limits), config.limits);
}

const CONTEXT = { signal: new AbortController().signal, progress: undefined };
const call = (run: Run, hosts: readonly string[], count?: number) =>
  toolOn(run, count).call({ hosts, command: "date" }, CONTEXT);

pure("ssh_exec_on_hosts returns equal results once, with their hosts, in order", async () => {
  const { data, text: shown, failure } = await call((host) => {
    const odd = host === "h2";
    return Promise.resolve(outcomeOf(odd ? "odd\n" : "same\n", { exitCode: odd ? 3 : 0 }));
  }, ["h1", "h2", "h0"]);
  assert.deepEqual(data, {
    success: false,
    groups: [
      { hosts: ["h1", "h0"], exit_code: 0, stdout: "same\n", stderr: "" },
      { hosts: ["h2"], exit_code: 3, stdout: "odd\n", stderr: "" },
    ],
    failed: [],
  });
  assert.equal(failure, undefined);
  assert.equal(
    shown,
    "1. exit code 0: h1, h0\n2. exit code 3: h2\n=== 1. STDOUT ===\nsame\n=== 2. STDOUT ===\nodd",
  );
});

pure("ssh_exec_on_hosts names each host that failed, and fails only if all do", async () => {
  const run: Run = (host) => {
    if (host === "h1") return Promise.resolve(outcomeOf("", { ending: "timeout", exitCode: null }));
    if (host === "h2") throw new RemoteExecError("unreachable", "No route", "Check the network");
    return Promise.resolve(outcomeOf("up\n"));
  };
  const some = await call(run, ["h*", "old"]);
  assert.equal(some.failure, undefined);
  const { groups, failed, success } = some.data as {
    readonly groups: readonly { readonly hosts: readonly string[] }[];
    readonly failed: readonly { readonly host: string; readonly code: string }[];
    readonly success: boolean;
  };
  assert.equal(success, false);
  assert.deepEqual(groups.map(({ hosts }) => hosts), [["h0", "h3"]]);
  assert.deepEqual(failed.map(({ host, code }) => `${host} ${code}`), [
    "h1 timeout",
    "h2 unreachable",
    "old host_unusable",
  ]);
  assert.match(some.text, /^FAILED h2: No route \(unreachable\)$/m);
  const none = await call(run, ["h2", "old"]);
  assert.equal(none.failure?.code, "unreachable");
  assert.match(
    none.failure?.message ?? "",
    /^The command succeeded on none of 2 hosts; the first: No route/,
  );
  const one = await call(run, ["h2"]);
  assert.equal(one.failure?.message, "No route");
});

pure(
  "ssh_exec_on_hosts runs nothing if a name is unknown or there are too many hosts",
  async () => {
    const run: Run = (host) => assert.fail(`ran on ${host}`);
    await assert.rejects(call(run, ["h0", "web9"]), {
      code: "invalid_argument",
      message: /^No host is named web9/,
    });
    await assert.rejects(call(run, ["h*"], 51), {
      code: "invalid_argument",
      message: /^51 hosts are/,
    });
  },
);

pure(
  "ssh_exec_on_hosts runs some hosts at a time, and one that waits delays no other",
  async () => {
    const first = Promise.withResolvers<void>();
    let running = 0;
    let most = 0;
    let done = 0;
    const run: Run = async (host) => {
      most = Math.max(most, ++running);
      if (host === "h0") await first.promise;
      else await Promise.resolve();
      running--;
      if (++done === 11) first.resolve();
      return outcomeOf("");
    };
    const { data } = await toolOn(run, 12).call(
      { hosts: ["h*"], command: "date", max_parallel: 3 },
      CONTEXT,
    );
    assert.equal((data as { readonly success: boolean }).success, true);
    assert.equal(most, 3);
  },
);

pure("ssh_exec_on_hosts divides the limit of characters among the hosts", async () => {
  const limits: (number | undefined)[] = [];
  const { data } = await call((_host, { characterLimit }) => {
    limits.push(characterLimit);
    const stdout = { text: "cut", truncated: true, originalLength: 10 };
    return Promise.resolve(outcomeOf("", { stdout }));
  }, ["h0", "h1", "h2", "h3"]);
  assert.deepEqual(limits, [6_250, 6_250, 6_250, 6_250]);
  const { groups } = data as { readonly groups: readonly { readonly cut?: number }[] };
  assert.equal(groups[0]?.cut, 7);
});
