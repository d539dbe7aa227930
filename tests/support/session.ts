import type { Clock } from "../../src/async/clock.ts";
import type { Limits, Login } from "../../src/config/config.ts";
import { createLogger } from "../../src/log.ts";
import type { ExecOutcome, SshSettings } from "../../src/ssh/port.ts";
import { RemoteHost } from "../../src/ssh/worker/remote_host.ts";
import { type SshHost, type SshHostOptions, startSshHost } from "../fakes/ssh_host.ts";
import { temporaryDirectory } from "./temporary_directory.ts";

export interface SessionOptions {
  readonly host?: SshHostOptions;
  readonly limits?: Partial<Limits>;
  readonly login?: Login;
  readonly strict?: boolean;
  /** The known_hosts file is empty. */
  readonly forgetHostKey?: boolean;
  /** Measures the time limits of commands. */
  readonly clock?: Clock;
}

/** A session of the ssh slice without its worker, an embedded host, and a local directory. */
export interface SessionPlace {
  readonly session: RemoteHost;
  readonly host: SshHost;
  readonly directory: string;
  /** The lines that the session has logged. */
  readonly logged: string[];
  /** Runs a command, by default with a limit of 30 seconds. */
  exec(command: string, options?: ExecOptions): Promise<ExecOutcome>;
}

export interface ExecOptions {
  readonly timeoutMs?: number;
  readonly stdin?: string;
  readonly signal?: AbortSignal;
}

/** Returns settings of the ssh worker for a host on this machine. */
export function settingsOf(
  host: SshHost,
  directory: string,
  { limits, login, strict = true, forgetHostKey = false }: SessionOptions = {},
): SshSettings {
  const knownHosts = `${directory}/../known_hosts`;
  Deno.writeTextFileSync(knownHosts, forgetHostKey ? "" : host.hostKeyLines());
  return {
    ssh: {
      host: host.hostname,
      port: host.port,
      username: host.username,
      login: login ?? { kind: "password", password: host.password },
      knownHostsPaths: [knownHosts],
      strictHostKeyChecking: strict,
    },
    limits: { characterLimit: 25_000, maxFileBytes: 10_485_760, timeoutMs: 30_000, ...limits },
    files: { workingDirectory: directory, roots: [directory], aliases: [], own: [] },
    logLevel: "debug",
    secrets: [],
  };
}

/** Registers a test with a host and a session; both are closed at its end. */
export function sessionTest(
  name: string,
  run: (place: SessionPlace) => Promise<void>,
  options: SessionOptions = {},
): void {
  Deno.test(name, async () => {
    using root = temporaryDirectory();
    await using host = await startSshHost(options.host);
    const directory = `${root.path}/work`;
    Deno.mkdirSync(directory);
    const logged: string[] = [];
    const session = new RemoteHost(
      settingsOf(host, directory, options),
      createLogger("debug", [], (line) => logged.push(line)),
      options.clock,
    );
    const exec: SessionPlace["exec"] = (command, { timeoutMs = 30_000, stdin, signal } = {}) =>
      session.exec(
        { command, timeoutMs, ...(stdin === undefined ? {} : { stdin }) },
        signal ?? new AbortController().signal,
        undefined,
      );
    try {
      await run({ session, host, directory, logged, exec });
    } finally {
      await session.close(1_000);
    }
  });
}
