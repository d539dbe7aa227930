import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { until } from "../support/until.ts";
import { isRunning, livingWith } from "./processes.ts";
import type { Step, Tour } from "./tour.ts";

const MEGABYTE = 1_000_000;
/** Content for the file that goes up and comes back. */
const content = randomBytes(8 * MEGABYTE);
/** Found in the command line of what must not be left running. */
const marker = `300.${1 + randomBytes(4).readUInt32BE()}`;

const listTools: Step = {
  title: "Tools that the server offers",
  async run({ server }) {
    const tools = await server.tools();
    const names = tools.map((tool) => tool.name);
    for (const name of ["ssh_exec_command", "ssh_upload_file", "ssh_download_file"]) {
      assert.ok(names.includes(name), `${name} is missing`);
    }
    const width = Math.max(...names.map((name) => name.length));
    return tools.map(({ name, title }) => `${name.padEnd(width)}  ${title ?? ""}`);
  },
};

const runCommand: Step = {
  title: "A command",
  async run({ server, host }) {
    const command = "echo \"Hello from $(pwd)\"; echo 'and from stderr' >&2";
    const { data, text, isError } = await server.call("ssh_exec_command", { command });
    assert.equal(isError, false, text);
    assert.equal(data.exit_code, 0);
    assert.equal(data.stdout, `Hello from ${host.directory}\n`);
    assert.equal(data.stderr, "and from stderr\n");
    return text.split("\n");
  },
};

const failingCommand: Step = {
  title: "A command that fails: a result with its exit code, not an error of the tool",
  async run({ server }) {
    const command = "echo 'disk is full' >&2; exit 3";
    const { data, text, isError } = await server.call("ssh_exec_command", { command });
    assert.equal(isError, false, text);
    assert.equal(data.success, false);
    assert.equal(data.exit_code, 3);
    assert.equal(data.stderr, "disk is full\n");
    return text.split("\n");
  },
};

const timedOutCommand: Step = {
  title: "A command that runs into its time limit: nothing of it is left running",
  async run({ server }) {
    const command =
      `trap '' TERM; echo started; sleep ${marker} & sleep ${marker} | sleep ${marker}`;
    const args = { command, timeout: 3 };
    const { data, text, isError } = await server.call("ssh_exec_command", args);
    assert.equal(isError, true);
    assert.equal(data.code, "timeout");
    assert.equal(data.timeout_reached, true);
    assert.equal(data.stdout, "started\n");
    await until("the end of the command", async () => (await livingWith(marker)).length === 0);
    return [
      ...text.split("\n"),
      "",
      "Only a host with Linux and OpenSSH confirms the end, which this one in the demo is not; looked for",
      `"sleep ${marker}" among the processes instead: none`,
    ];
  },
};

const uploadFile: Step = {
  title: "A file to the host",
  async run({ server, directory, host }) {
    await Deno.writeFile(`${directory}/demo.bin`, content);
    const paths = { local_path: "demo.bin", remote_path: "uploads of the demo.bin" };
    const { data, text, isError } = await server.call("ssh_upload_file", {
      ...paths,
      permissions: 640,
    });
    assert.equal(isError, false, text);
    assert.equal(data.bytes_transferred, content.length);
    assert.equal(data.verified, "sha256");
    const arrived = `${host.directory}/${paths.remote_path}`;
    assert.ok(content.equals(await Deno.readFile(arrived)), "other bytes have arrived");
    assert.equal(((await Deno.stat(arrived)).mode ?? 0) & 0o777, 0o640);
    return text.split("\n");
  },
};

const downloadFile: Step = {
  title: "The same file back, into a directory that is made for it",
  async run({ server, directory }) {
    const { data, text, isError } = await server.call("ssh_download_file", {
      remote_path: "uploads of the demo.bin",
      local_path: "back/demo.bin",
    });
    assert.equal(isError, false, text);
    assert.equal(data.verified, "sha256");
    const back = await Deno.readFile(`${directory}/back/demo.bin`);
    assert.ok(content.equals(back), "other bytes have come back");
    return [...text.split("\n"), "", `Compared: ${back.length} bytes, all the same`];
  },
};

const refusedFile: Step = {
  title: "A local file outside WORKING_DIRECTORY is refused",
  async run({ server, directory }) {
    // A link is what Deno's own rights would follow.
    await Deno.symlink("/etc/passwd", `${directory}/innocent.txt`);
    const args = { local_path: "innocent.txt", remote_path: "stolen.txt" };
    const { data, text, isError } = await server.call("ssh_upload_file", args);
    assert.equal(isError, true);
    assert.equal(data.code, "outside_directories");
    return ["innocent.txt is a symbolic link to /etc/passwd", ...text.split("\n")];
  },
};

const showRights: Step = {
  title: "What each part of the server may touch (mcp-remote-exec permissions)",
  async run({ program: { command, args }, env, directory, host }) {
    const { code, stdout } = await new Deno.Command(command, {
      args: [...args, "permissions"],
      cwd: directory,
      env: { ...env, NO_COLOR: "1" },
    }).output();
    const table = new TextDecoder().decode(stdout);
    assert.equal(code, 0);
    assert.match(table, /^worker ssh$/m);
    assert.ok(table.includes(`net    ${host.hostname}:${host.port}\n`));
    return table.trimEnd().split("\n");
  },
};

const endServer: Step = {
  title: "The client goes away: the server ends",
  async run({ server, host }) {
    const { pid } = server;
    assert.ok(isRunning(pid));
    const startedAt = performance.now();
    await server.close();
    const ms = performance.now() - startedAt;
    assert.ok(ms < 10_000, `it took ${Math.round(ms)} ms`);
    assert.equal(isRunning(pid), false);
    await until("the end of its connections", () => host.openConnections() === 0);
    return [`Ended after ${Math.round(ms)} ms, no connection to the host is left`];
  },
};

/** Commands and files on an SSH host: what the server is there for. */
export const coreTour: Tour = {
  title: "Commands and files over SSH",
  steps: [
    listTools,
    runCommand,
    failingCommand,
    timedOutCommand,
    uploadFile,
    downloadFile,
    refusedFile,
    showRights,
    endServer,
  ],
};
