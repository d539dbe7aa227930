/** Every yes, no and choice in an answer, shown to be otherwise when it should be. */
import assert from "node:assert/strict";
import * as z from "zod";
import { CONTAINERS, CURL, peerTest } from "../peers/require.ts";
import { CONFIGURATIONS, offeredTools } from "../support/catalogs.ts";
import { projectFile } from "../support/project.ts";
import * as situations from "./claim_situations.ts";
import type { Situation } from "./claim_situations.ts";
import * as onHost from "./claim_situations_host.ts";
import { startFullStage } from "./full_stage.ts";
import { addFiles, addGuests } from "./tool_calls.ts";

/** The file and the name of a test that shows a claim. */
type Elsewhere = readonly [file: string, test: string];

/** A field in the answers of some tools, and a situation in which it is not what it usually is. */
interface Claim {
  readonly field: string;
  readonly tools: readonly string[];
  readonly shown: ((situation: Situation) => Promise<void>) | Elsewhere;
}

const EXEC_TOOLS = Object.keys(onHost.EXEC);
const CHANGES = ["start", "reboot", "shutdown", "stop"]
  .flatMap((verb) => [`proxmox_${verb}_container`, `proxmox_${verb}_vm`]);
const SSH_COPIES = ["ssh_upload_file", "ssh_download_file"];
const DIRECTORIES = ["ssh_upload_directory", "ssh_download_directory"];
const COPIES = [
  ...SSH_COPIES,
  "proxmox_upload_file_to_container",
  "proxmox_download_file_from_container",
  "imagekit_confirm_upload",
  "ssh_write_file",
];
const CONFIRMATIONS = ["imagekit_confirm_upload", "imagekit_confirm_download"];
/** A client that cancels gets no answer, so only some tests see one. */
const CANCELLED: Readonly<Record<"ssh" | "container" | "vm", Elsewhere>> = {
  ssh: [
    "tests/whole/messages_test.ts",
    "a call that runs when stdin ends is answered as cancelled",
  ],
  container: [
    "tests/proxmox/guests/container_exec_test.ts",
    "proxmox_container_exec_command stops the processes inside when it is cancelled",
  ],
  vm: [
    "tests/proxmox/guests/vm_exec_test.ts",
    "proxmox_vm_exec_command stops the command in the VM on timeout and cancellation",
  ],
};

const UNUSUAL_JOBS: Elsewhere = [
  "tests/ssh/jobs/tools_test.ts",
  "ssh_start_job and ssh_stop_job say what is otherwise than usual",
];

const SAVED_RAM: Elsewhere = [
  "tests/proxmox/guests/snapshots_vms_test.ts",
  "VM snapshots are made, listed, rolled back and deleted (${version})",
];

const CLAIMS: readonly Claim[] = [
  { field: "success", tools: EXEC_TOOLS, shown: onHost.otherEndings },
  { field: "timeout_reached", tools: EXEC_TOOLS, shown: onHost.otherEndings },
  { field: "process_ended", tools: EXEC_TOOLS, shown: onHost.otherEndings },
  { field: "stdout_truncated", tools: EXEC_TOOLS, shown: onHost.cutOutput },
  { field: "stderr_truncated", tools: EXEC_TOOLS, shown: onHost.cutOutput },
  { field: "operation", tools: SSH_COPIES, shown: onHost.bothOperations },
  { field: "verified", tools: COPIES, shown: onHost.withoutHashes },
  { field: "verified", tools: ["exchange_download"], shown: situations.withoutStoredHash },
  { field: "transfers[].expired", tools: ["exchange_list"], shown: situations.expiredTransfer },
  { field: "deleted", tools: ["exchange_delete"], shown: situations.deletedTwice },
  { field: "write_once", tools: ["exchange_request_upload"], shown: situations.secondUpload },
  { field: "bridge_copy_deleted", tools: CONFIRMATIONS, shown: situations.bridgeCopyStays },
  { field: "cache_purged", tools: CONFIRMATIONS, shown: situations.cacheNotPurged },
  { field: "file_type", tools: ["generate_download_link"], shown: situations.openLinks },
  ...["file_type", "source", "claimed"].map((field) => ({
    field: `open_links[].${field}`,
    tools: ["list_download_stats"],
    shown: situations.openLinks,
  })),
  { field: "created", tools: ["ssh_write_file"], shown: onHost.writtenTwice },
  { field: "changed", tools: ["ssh_edit_file"], shown: onHost.editedDry },
  { field: "success", tools: DIRECTORIES, shown: onHost.directoryInTheWay },
  { field: "running", tools: ["ssh_job_output"], shown: onHost.endedJob },
  { field: "running", tools: ["ssh_start_job"], shown: UNUSUAL_JOBS },
  { field: "process_ended", tools: ["ssh_stop_job"], shown: UNUSUAL_JOBS },
  { field: "quorate", tools: ["proxmox_node_status"], shown: situations.withoutQuorum },
  { field: "by_ha", tools: CHANGES, shown: situations.carriedOutByHa },
  { field: "protected", tools: ["proxmox_backup"], shown: situations.protection },
  { field: "backups[].protected", tools: ["proxmox_list_backups"], shown: situations.protection },
  { field: "includes_ram", tools: ["proxmox_create_vm_snapshot"], shown: SAVED_RAM },
  { field: "snapshots[].includes_ram", tools: ["proxmox_list_vm_snapshots"], shown: SAVED_RAM },
  { field: "cancelled", tools: ["ssh_exec_command"], shown: CANCELLED.ssh },
  { field: "cancelled", tools: ["proxmox_container_exec_command"], shown: CANCELLED.container },
  { field: "cancelled", tools: ["proxmox_vm_exec_command"], shown: CANCELLED.vm },
];

/** Claims in words, which no schema shows to be one, and fields that are only there when they are true. */
const OTHERS: Readonly<Record<string, Elsewhere>> = {
  "success, where a failure has a form of its own": [
    "tests/whole/tool_calls_test.ts",
    "every tool works, refuses bad input, and names a remote side that fails",
  ],
  "running, of a command": [
    "tests/whole/jobs_test.ts",
    "a command that takes long is answered in time and collected later",
  ],
  "running, of another long call": [
    "tests/mcp/long_calls_test.ts",
    "LongCalls.run() answers that the work goes on, which the client then cannot cancel",
  ],
  "the ok lines of doctor": [
    "tests/whole/doctor_claims_test.ts",
    "doctor says so when this is false: ${step}",
  ],
  "status of a container, also in the list": [
    "tests/whole/proxmox_test.ts",
    "containers stop and start, and fail in the wrong state",
  ],
  "status of a VM": [
    "tests/proxmox/guests/guests_vms_test.ts",
    "proxmox_start_vm, shutdown and stop wait until HA has carried it out",
  ],
  "status of a VM after a rollback": [
    "tests/proxmox/guests/snapshots_vms_test.ts",
    "VM snapshots are made, listed, rolled back and deleted (${version})",
  ],
  "started, while HA has not carried it out": [
    "tests/proxmox/guests/guests_containers_test.ts",
    "proxmox_start_container fails if HA has not carried it out within the timeout",
  ],
  "stopped on the host, of a task": [
    "tests/proxmox/host_tasks_test.ts",
    "a task gets time to clean up, and the answer says if it may still run",
  ],
  "a backup's archive": [
    "tests/proxmox/cluster/backups_test.ts",
    "proxmox_backup does not claim an archive that does not exist",
  ],
  "unreadable storages": [
    "tests/proxmox/cluster/backups_test.ts",
    "proxmox_list_backups lists what can be read, and names the storages that cannot",
  ],
  "the mode of an uploaded file": [
    "tests/peers/openssh_odd_files_test.ts",
    "copy() works on a host that refuses ${refused}, and leaves nothing else",
  ],
  "exit status of a host that sends none": [
    "tests/ssh/worker/commands/exec_test.ts",
    "exec() returns the output of a host that sends no exit status, and keeps the connection (${ident})",
  ],
  "used, of a link": [
    "tests/downloads/worker_receipt_test.ts",
    "a small directory that was read in part over HTTP/${version} can be downloaded again by the same program",
  ],
};

peerTest({
  name: "every yes, no and choice in an answer is otherwise when it should be",
  peer: [CURL, ...CONTAINERS],
  async fn(t) {
    let hasHash = true;
    await using stage = await startFullStage({
      answerExec: (command) =>
        hasHash || !command.includes("shasum") || command.includes("pct") ? "start" : "refuse",
    });
    await addGuests(stage.pve);
    await stage.pve.addContainer({ ctid: 104, status: "stopped", ha: true });
    await stage.pve.addContainer({ ctid: 105, status: "running", without: ["sha256sum"] });
    await stage.pve.addVm({ vmid: 204, status: "stopped", ha: true });
    await using servers = await stage.startServers({ CHARACTER_LIMIT: "1000" });
    addFiles(stage);
    const situation = { ...stage, servers, setHasHash: (has: boolean) => void (hasHash = has) };
    for (const shown of new Set(CLAIMS.map((claim) => claim.shown))) {
      if (typeof shown !== "function") continue;
      const fields = CLAIMS.filter((claim) => claim.shown === shown).map(({ field }) => field);
      await t.step([...new Set(fields)].join(", "), () => shown(situation));
    }
  },
});

Deno.test("every yes, no and choice in an answer is in the table", namesEveryField);

Deno.test("the tests that show claims elsewhere exist", () => {
  const listed = CLAIMS.flatMap(({ shown }) => typeof shown === "function" ? [] : [shown]);
  for (const [file, name] of [...listed, ...Object.values(OTHERS)]) {
    assert.ok(Deno.readTextFileSync(projectFile(file)).includes(name), `${file}: ${name}`);
  }
});

/** The schemas are those of the answers themselves: lists leave out fields that explain themselves. */
async function namesEveryField(): Promise<void> {
  const tools = [
    ...await offeredTools(CONFIGURATIONS.everything),
    ...await offeredTools(CONFIGURATIONS.proxmox_and_r2),
  ];
  const found = tools.flatMap(({ name, output }) =>
    [...choicesIn(z.toJSONSchema(output, { io: "output" }), "")].map((field) => `${name} ${field}`)
  );
  const named = CLAIMS.flatMap(({ field, tools }) => tools.map((tool) => `${tool} ${field}`));
  assert.deepEqual([...new Set(found)].sort(), [...new Set(named)].sort());
}

/** The paths of all fields that are a yes or no, or one of a few words, and can be another one. */
function* choicesIn(schema: unknown, path: string): Generator<string> {
  if (typeof schema !== "object" || schema === null) return;
  const { type, enum: choices, properties, items, anyOf, additionalProperties }: Schema = schema;
  if ("const" in schema) return;
  if ([type].flat().includes("boolean") || choices !== undefined) yield path;
  for (const [name, each] of Object.entries(properties ?? {})) {
    yield* choicesIn(each, path === "" ? name : `${path}.${name}`);
  }
  yield* choicesIn(items, `${path}[]`);
  yield* choicesIn(additionalProperties, `${path}.*`);
  for (const each of anyOf ?? []) yield* choicesIn(each, path);
}

interface Schema {
  readonly type?: unknown;
  readonly enum?: unknown;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly items?: unknown;
  readonly anyOf?: readonly unknown[];
  readonly additionalProperties?: unknown;
}
