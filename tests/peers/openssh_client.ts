import type { Sshd } from "./sshd.ts";
import { until } from "../support/until.ts";

/** The result of a command with OpenSSH's own client. */
export interface ClientAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** OpenSSH's client with one connection for all commands: every login takes a tenth of a second of CPU time. */
export interface SshClient extends AsyncDisposable {
  /** Runs `ssh host command`. */
  run(command: string): Promise<ClientAnswer>;
}

/** Logs in to a server with the OpenSSH client. */
export async function openSshClient(sshd: Sshd): Promise<SshClient> {
  const socket = `${sshd.keyPath}.socket`;
  const args = [
    ...["-F", "none", "-T", "-n", "-o", "LogLevel=ERROR", "-o", "GlobalKnownHostsFile=/dev/null"],
    ...["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${sshd.knownHostsPath}`],
    ...["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-i", sshd.keyPath, "-S", socket],
    ...["-p", String(sshd.port), `${sshd.username}@${sshd.host}`],
  ];
  const options = { env: { SSH_AUTH_SOCK: "" }, stdin: "null" } as const;
  const master = new Deno.Command("/usr/bin/ssh", { ...options, args: ["-M", "-N", ...args] })
    .spawn();
  await until("the client's connection", () => isThere(socket));
  return {
    async run(command) {
      const { code, stdout, stderr } = await new Deno.Command("/usr/bin/ssh", {
        ...options,
        args: ["-o", "ControlMaster=no", ...args, "--", command],
        stdout: "piped",
        stderr: "piped",
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    },
    async [Symbol.asyncDispose]() {
      // OpenSSH 9.2 sometimes sees SIGTERM only minutes later.
      master.kill("SIGKILL");
      await master.status;
    },
  };
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
