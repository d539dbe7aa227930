import { temporaryDirectory } from "./temporary_directory.ts";
import { type SshHost, type SshHostOptions, startSshHost } from "../fakes/ssh_host.ts";

/** A host, a working directory for the server, and the variables that make the server use both. */
export interface Place extends AsyncDisposable {
  readonly host: SshHost;
  /** WORKING_DIRECTORY of the server. */
  readonly directory: string;
  /** Home directory of the server with its known_hosts, beside the working directory. */
  readonly home: string;
  readonly env: Record<string, string>;
}

/** Starts an embedded host and prepares what a server needs to connect to it. */
export async function startPlace(options: SshHostOptions = {}): Promise<Place> {
  const root = temporaryDirectory();
  const host = await startSshHost(options);
  const directory = `${root.path}/work`;
  const home = `${root.path}/home`;
  Deno.mkdirSync(directory);
  Deno.mkdirSync(`${home}/.ssh`, { recursive: true });
  Deno.writeTextFileSync(`${home}/.ssh/known_hosts`, host.hostKeyLines());
  return {
    host,
    directory,
    home,
    env: {
      I_ACCEPT_RISKS: "true",
      HOST: host.hostname,
      SSH_PORT: String(host.port),
      SSH_USERNAME: host.username,
      SSH_PASSWORD: host.password,
      WORKING_DIRECTORY: directory,
      HOME: home,
    },
    async [Symbol.asyncDispose]() {
      await host.close();
      root[Symbol.dispose]();
    },
  };
}
