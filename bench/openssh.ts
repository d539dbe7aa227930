/** Where an OpenSSH client connects to and how it logs in. */
export interface OpenSshLogin {
  readonly port: number;
  readonly username: string;
  readonly keyPath: string;
  readonly knownHostsPath: string;
  /** Of the socket that the connections of `exec()` share. */
  readonly controlPath: string;
}

/** OpenSSH's own programs, to compare with. */
export class OpenSsh implements AsyncDisposable {
  readonly #login: OpenSshLogin;

  constructor(login: OpenSshLogin) {
    this.#login = login;
  }

  /** Opens the connection that `exec()` shares. Returns when it is logged in. */
  async startMaster(): Promise<void> {
    await run("ssh", [...this.#shared(), "-M", "-N", "-f", ...this.#options(), this.#target()]);
  }

  /** Runs a command through the shared connection; returns the length of its output. */
  async exec(command: string): Promise<number> {
    return await run("ssh", [...this.#shared(), ...this.#options(), this.#target(), command]);
  }

  /** Runs a command with a connection of its own. */
  async execAlone(command: string): Promise<void> {
    await run("ssh", ["-S", "none", ...this.#options(), this.#target(), command]);
  }

  /** Runs lines of `sftp -b`, with a connection of its own. */
  async sftp(...lines: string[]): Promise<void> {
    const port = ["-P", String(this.#login.port)];
    const args = ["-b", "-", "-q", ...port, ...this.#common(), this.#target()];
    await run("sftp", args, `${lines.join("\n")}\n`);
  }

  /** Copies a directory with `rsync -a`, through the shared connection. A remote path begins with a colon. */
  async rsync(from: string, to: string): Promise<void> {
    const remote = (path: string) => path.startsWith(":") ? this.#target() + path : path;
    const shell = ["ssh", ...this.#shared(), ...this.#options()].join(" ");
    await run("rsync", ["-a", "-e", shell, `${remote(from)}/`, `${remote(to)}/`]);
  }

  /** Copies a directory to the host with `tar | ssh`, through the shared connection. */
  async tarTo(from: string, to: string): Promise<void> {
    await this.#pipe(`tar -C ${from} -cf - . | ${this.#ssh()} 'mkdir ${to} && tar -C ${to} -xf -'`);
  }

  /** Copies a directory from the host with `ssh | tar`, through the shared connection. */
  async tarFrom(from: string, to: string): Promise<void> {
    await this.#pipe(`mkdir ${to} && ${this.#ssh()} 'tar -C ${from} -cf - .' | tar -C ${to} -xf -`);
  }

  async #pipe(line: string): Promise<void> {
    await run("bash", ["-o", "pipefail", "-c", line]);
  }

  #ssh(): string {
    return ["ssh", ...this.#shared(), ...this.#options(), this.#target()].join(" ");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("ssh", [...this.#shared(), "-O", "exit", ...this.#options(), this.#target()])
      .catch(() => {}); // there was no shared connection
  }

  #shared(): string[] {
    return ["-S", this.#login.controlPath];
  }

  #target(): string {
    return `${this.#login.username}@127.0.0.1`;
  }

  #options(): string[] {
    return ["-T", "-p", String(this.#login.port), ...this.#common()];
  }

  #common(): string[] {
    const { keyPath, knownHostsPath } = this.#login;
    const options = [
      "BatchMode=yes",
      "IdentitiesOnly=yes",
      "StrictHostKeyChecking=yes",
      `UserKnownHostsFile=${knownHostsPath}`,
      "LogLevel=QUIET",
    ];
    return ["-F", "none", "-i", keyPath, ...options.flatMap((option) => ["-o", option])];
  }
}

/** Returns the number of bytes on stdout. @throws Error when the program fails */
async function run(program: string, args: readonly string[], input = ""): Promise<number> {
  // A shared connection that stays in the background would keep a pipe of stderr open.
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: args.includes("-f") ? "null" : "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  let bytes = 0;
  if (!args.includes("-f")) { for await (const chunk of child.stdout) bytes += chunk.length; }
  const { success, code } = await child.status;
  if (!success) throw new Error(`${program} ${args.join(" ")} ended with ${code}`);
  return bytes;
}
