import { type SshHost, type SshHostOptions, startSshHost } from "../fakes/ssh_host.ts";
import { denoDirectory, type Program, type Server, sourceProgram, startServer } from "./server.ts";

/** What the steps of a tour work with. */
export interface Stage {
  readonly host: SshHost;
  readonly server: Server;
  readonly program: Program;
  /** The server's WORKING_DIRECTORY. */
  readonly directory: string;
  /** The server's environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** One step of the tour. */
export interface Step {
  readonly title: string;
  /** Why it cannot be shown on this machine; undefined when it can. */
  leftOut?(): string | undefined;
  /** Runs the step and returns the lines to show. @throws when the result differs from the title */
  run(stage: Stage): Promise<readonly string[]>;
}

/** What a tour needs besides the host and the server: programs on the host, services, variables. */
export interface Extras {
  readonly host?: SshHostOptions;
  readonly env?: Readonly<Record<string, string>>;
  /** Called after the server and the host have ended. */
  close?(): Promise<void>;
}

/** Steps that share one host and one server. */
export interface Tour {
  readonly title: string;
  readonly steps: readonly Step[];
  /** @throws LeftOut where it cannot be shown */
  prepare?(): Promise<Extras>;
}

/** Called as a tour proceeds. */
export interface Show {
  step(title: string): void;
  /** In place of a step, or of a whole tour. */
  leftOut(what: string, reason: string): void;
  done(lines: readonly string[], ms: number): void;
  failed(error: unknown, serverLog: string): void;
}

/** What a tour needs is not to be had on this machine; the message says what. */
export class LeftOut extends Error {}

/** A step did not do what it says; it was shown already. */
export class StepFailed extends Error {}

/** Runs the steps of a tour one after the other. @throws StepFailed at the first that fails */
export async function runTour(tour: Tour, show: Show): Promise<void> {
  try {
    await runPrepared(tour, await tour.prepare?.() ?? {}, show);
  } catch (error) {
    if (!(error instanceof LeftOut)) throw error;
    show.leftOut(tour.title, error.message);
  }
}

async function runPrepared(tour: Tour, extras: Extras, show: Show): Promise<void> {
  const directory = Deno.realPathSync(await Deno.makeTempDir({ prefix: "demo_" }));
  try {
    await using host = await startSshHost(extras.host);
    const env = { ...await environment(host, directory), ...extras.env };
    const program = sourceProgram;
    const cwd = `${directory}/files`;
    await using server = await startServer({ program, cwd, env });
    await runSteps(tour.steps, { host, server, program, directory: cwd, env }, show);
  } finally {
    await Deno.remove(directory, { recursive: true });
    await extras.close?.();
  }
}

async function runSteps(steps: readonly Step[], stage: Stage, show: Show): Promise<void> {
  for (const { title, run, leftOut } of steps) {
    const reason = leftOut?.();
    if (reason !== undefined) {
      show.leftOut(title, reason);
      continue;
    }
    const startedAt = performance.now();
    show.step(title);
    try {
      show.done(await run(stage), performance.now() - startedAt);
    } catch (error) {
      show.failed(error, stage.server.log);
      throw new StepFailed(title);
    }
  }
}

/** All that the server gets to know; nothing of the person's own home, keys or known hosts. */
async function environment(host: SshHost, directory: string): Promise<Record<string, string>> {
  await Deno.mkdir(`${directory}/files`);
  const knownHosts = `${directory}/known_hosts`;
  await Deno.writeTextFile(knownHosts, host.hostKeyLines());
  return {
    HOME: directory,
    DENO_DIR: await denoDirectory(),
    I_ACCEPT_RISKS: "true",
    HOST: host.hostname,
    SSH_PORT: String(host.port),
    SSH_USERNAME: host.username,
    SSH_PASSWORD: host.password,
    SSH_KNOWN_HOSTS: knownHosts,
    WORKING_DIRECTORY: `${directory}/files`,
  };
}
