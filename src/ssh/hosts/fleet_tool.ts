import * as z from "zod";
import type { Limits } from "../../config/config.ts";
import { printable, RemoteExecError } from "../../errors.ts";
import { commandArgument } from "../../mcp/arguments.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import type { CapturedText } from "../port.ts";
import { type FleetOutcome, type FleetService, MAX_FLEET } from "./service.ts";

const fleetOutput = z.object({
  success: z.boolean(),
  groups: z.array(z.object({
    hosts: z.array(z.string()),
    exit_code: z.number().int().nullable(),
    signal: z.string().optional(),
    stdout: z.string(),
    stderr: z.string(),
    cut: z.number().int().optional(),
  })).describe("hosts, exit_code, signal, stdout, stderr, cut (characters)").meta({
    sketched: true,
  }),
  failed: z.array(z.object({ host: z.string(), code: z.string(), error: z.string() }))
    .describe("host, code, error").meta({ sketched: true }),
});

/** Returns the tool that runs one command on several hosts. */
export const fleetTool = (fleet: FleetService, limits: Limits): Tool =>
  defineTool({
    name: "ssh_exec_on_hosts",
    title: "Run a command on several hosts",
    description: `Run a command on up to ${MAX_FLEET} hosts; timeout per host.`,
    effect: "destroys",
    input: z.strictObject({
      hosts: z.array(z.string().min(1).max(255)).min(1).max(500).describe("Names or patterns"),
      command: commandArgument.describe("Max 10,000 characters"),
      timeout: z.number().int().min(1).max(300).default(limits.timeoutMs / 1000),
      max_parallel: z.number().int().min(1).max(MAX_FLEET).default(8),
      response_format: unlistedFormat,
    }),
    output: fleetOutput,
    async run({ hosts, command, timeout, max_parallel }, context) {
      const timeoutMs = timeout * 1000;
      const call = { hosts, command, timeoutMs, maxParallel: max_parallel };
      const outcome = await fleet.exec(call, context);
      const data = answerOf(outcome);
      const [first] = outcome.failed;
      const failure = outcome.groups.length === 0 && first !== undefined
        ? noneSucceeded(first.error, outcome.failed.length)
        : undefined;
      return { text: formatFleet(data), data, ...(failure === undefined ? {} : { failure }) };
    },
  });

type FleetAnswer = z.infer<typeof fleetOutput>;

function answerOf({ groups, failed }: FleetOutcome): FleetAnswer {
  return {
    success: failed.length === 0 && groups.every(({ exitCode }) => exitCode === 0),
    groups: groups.map(({ hosts, exitCode, signal, stdout, stderr }) => {
      const cut = missingOf(stdout) + missingOf(stderr);
      return {
        hosts: [...hosts],
        exit_code: exitCode,
        ...(signal === null ? {} : { signal }),
        stdout: stdout.text,
        stderr: stderr.text,
        ...(cut === 0 ? {} : { cut }),
      };
    }),
    failed: failed.map(({ host, error }) => ({ host, code: error.code, error: error.message })),
  };
}

const missingOf = ({ text, truncated, originalLength }: CapturedText): number =>
  truncated ? Math.max(1, originalLength - [...text].length) : 0;

/** The facts of the tool come first; what the hosts printed follows, as in other answers. */
function formatFleet({ groups, failed }: FleetAnswer): string {
  const heads = groups.map((group, at) => `${at + 1}. ${endOf(group)}: ${group.hosts.join(", ")}`);
  const faults = failed.map(({ host, code, error }) => `FAILED ${host}: ${error} (${code})`);
  const outputs = groups.map(({ stdout, stderr }, at) =>
    [
      ...(stdout === "" ? [] : [`=== ${at + 1}. STDOUT ===`, stdout.trimEnd()]),
      ...(stderr === "" ? [] : [`=== ${at + 1}. STDERR ===`, stderr.trimEnd()]),
    ].join("\n")
  );
  return [...heads, ...faults, ...outputs].filter((part) => part !== "").join("\n");
}

function endOf({ exit_code, signal, cut }: FleetAnswer["groups"][number]): string {
  const end = signal === undefined ? `exit code ${exit_code}` : `signal ${printable(signal)}`;
  return cut === undefined ? end : `${end}, ${cut} characters left out`;
}

const noneSucceeded = ({ code, message, suggestion }: RemoteExecError, count: number) =>
  new RemoteExecError(
    code,
    count === 1
      ? message
      : `The command succeeded on none of ${count} hosts; the first: ${message}`,
    suggestion,
  );
