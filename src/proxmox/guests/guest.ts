import type { ExecOutcome } from "../../ssh/port.ts";
import type { ExecCall } from "../../ssh/service.ts";

/** The two kinds of guests, as the tool names spell them. */
export type GuestKind = "container" | "vm";

/** A container or a virtual machine. */
export interface Guest {
  readonly kind: GuestKind;
  readonly id: number;
}

export const container = (id: number): Guest => ({ kind: "container", id });

export const vm = (id: number): Guest => ({ kind: "vm", id });

/** What differs between the kinds. */
interface KindFacts {
  /** The command-line program that manages the guest. */
  readonly program: "pct" | "qm";
  /** The kind's name in paths and answers of the Proxmox VE API. */
  readonly apiType: "lxc" | "qemu";
  /** The kind in the middle of a sentence. */
  readonly noun: string;
  /** The kind at the start of a sentence. */
  readonly title: string;
  readonly longName: string;
  /** The tool argument that holds the guest's ID. */
  readonly argument: "ctid" | "vmid";
}

export const KINDS: Readonly<Record<GuestKind, KindFacts>> = {
  container: {
    program: "pct",
    apiType: "lxc",
    noun: "container",
    title: "Container",
    longName: "LXC container",
    argument: "ctid",
  },
  vm: {
    program: "qm",
    apiType: "qemu",
    noun: "VM",
    title: "VM",
    longName: "virtual machine",
    argument: "vmid",
  },
};

export const programOf = ({ kind }: Guest): "pct" | "qm" => KINDS[kind].program;

/** The guest at the start of a message: `Container 101`, `VM 200`. */
export const guestName = ({ kind, id }: Guest): string => `${KINDS[kind].title} ${id}`;

/** The guest inside a sentence: `container 101`, `VM 200`. */
export const guestInText = ({ kind, id }: Guest): string => `${KINDS[kind].noun} ${id}`;

/** Returns the name of a snapshot tool. The tools for containers do not name the kind. */
export const snapshotTool = (
  kind: GuestKind,
  verb: "list" | "create" | "rollback" | "delete",
): string => `proxmox_${verb}_${kind === "vm" ? "vm_" : ""}snapshot${verb === "list" ? "s" : ""}`;

/** Runs commands in the guests of one kind. */
export interface GuestExec {
  /** @throws RemoteExecError if the command was not started; every ending is an outcome */
  run(id: number, call: ExecCall): Promise<ExecOutcome>;
}

/**
 * Returns shell text that runs the command in a variable with bash, or with sh where bash is missing.
 *
 * @param variable the expansion, like `$1`
 */
export const runInShell = (variable: string): string =>
  [
    // `--` ends the shell's own options: a command may begin with a dash.
    `if command -v bash >/dev/null 2>&1; then exec bash -c -- "${variable}"; fi`,
    `exec sh -c -- "${variable}"`,
  ].join("; ");
