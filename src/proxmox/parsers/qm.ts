import * as z from "zod";
import { unreadable } from "../errors.ts";
import { firstMatch } from "./json_output.ts";

/** One row of `qm list`. */
export interface VmRow {
  readonly vmid: number;
  readonly name: string;
  readonly status: string;
  readonly memoryMb: number;
  readonly bootDiskGb: number;
  /** Undefined if the VM is stopped. */
  readonly pid?: number;
  /** Not in the program's own list; left out if there is none or none was asked for. */
  readonly addresses?: readonly string[];
}

/**
 * Parses `qm list`, which prints nothing without VMs. The name of an unnamed VM has a blank (`VM 104`).
 *
 * Source: qemu-server e6352be src/PVE/CLI/qm.pm:1336-1356, `%10s %-20s %-10s %-10s %12s %-10s`.
 */
export function parseVmList(stdout: string): VmRow[] {
  return stdout.split("\n").flatMap((line) => {
    const match = /^ *(\d{3,9}) (.*?) +(\S+) +(\d+) +([\d.]+) +(\d+) *$/.exec(line);
    if (match === null) return [];
    const [, id, name = "", status = "", memory, disk, pid] = match;
    return [{
      vmid: Number(id),
      name,
      status,
      memoryMb: Number(memory),
      bootDiskGb: Number(disk),
      ...(pid === "0" ? {} : { pid: Number(pid) }),
    }];
  });
}

const flag = z.union([z.boolean(), z.number()]).transform(Boolean).optional().catch(undefined);
const integer = z.number().int().optional().catch(undefined);
const data = z.string().catch("");

/** An answer names a process or says whether it has exited; any other JSON is not an answer. */
const agentAnswer = z.object({
  pid: integer,
  exited: flag,
  exitcode: integer,
  signal: integer,
  "out-data": data,
  "err-data": data,
  "out-truncated": flag,
  "err-truncated": flag,
}).refine(({ pid, exited }) => pid !== undefined || exited !== undefined);

/** The state of a command, as the guest agent reports it. */
export interface AgentAnswer {
  /** Process ID in the VM; set if the command was still running. */
  readonly pid?: number;
  readonly exited: boolean;
  readonly exitCode: number | null;
  /** Without `SIG`. */
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The agent keeps 16 MiB of each stream. */
  readonly truncated: { readonly stdout: boolean; readonly stderr: boolean };
}

/**
 * Parses `qm guest exec` and `qm guest exec-status`. Both exit with 0 whatever the command's exit code
 * is, and encode its output as UTF-8 twice.
 *
 * Source: qemu-server e6352be src/PVE/CLI/qm.pm:963-1055, src/PVE/QemuServer/Agent.pm:125-181.
 *
 * @throws RemoteExecError `internal` if the output is not the expected JSON
 */
export function parseAgentAnswer(stdout: string): AgentAnswer {
  const answer = firstMatch(agentAnswer, stdout);
  if (answer === undefined) throw unreadable("qm guest exec", stdout.slice(0, 100));
  const { pid, exited, exitcode, signal, ...data } = answer;
  return {
    ...(pid === undefined ? {} : { pid }),
    exited: exited ?? false,
    exitCode: exitcode ?? null,
    signal: signal === undefined ? null : SIGNALS[signal] ?? String(signal),
    stdout: decodeTwice(data["out-data"]),
    stderr: decodeTwice(data["err-data"]),
    truncated: {
      stdout: data["out-truncated"] ?? false,
      stderr: data["err-truncated"] ?? false,
    },
  };
}

/** Decodes a text in which each character is one byte; returns any other text unchanged. */
function decodeTwice(text: string): string {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0xff) return text;
    bytes[index] = unit;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Linux numbers: those of the machine that this runs on may differ. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: "HUP",
  2: "INT",
  3: "QUIT",
  4: "ILL",
  6: "ABRT",
  7: "BUS",
  8: "FPE",
  9: "KILL",
  11: "SEGV",
  13: "PIPE",
  14: "ALRM",
  15: "TERM",
};
