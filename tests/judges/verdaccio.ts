import { dirname } from "node:path";
import { onPath, type Peer, peer } from "../peers/require.ts";
import { freePort, untilListening } from "../support/free_port.ts";
import { projectFile } from "../support/project.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const PROGRAM = projectFile("tests/judges/registry/node_modules/verdaccio/bin/verdaccio");

/** The npm registry of others, for publishing without publishing. */
export const VERDACCIO: readonly Peer[] = [
  peer("node", [onPath("node"), onPath("npx")], "npm"),
  { ...peer("Verdaccio", PROGRAM), install: "run `deno task judges`" },
];

/** An executable of 130 MB is sent as base64. */
const CONFIG = `
storage: ./storage
packages: { '**': { access: $all, publish: $all } }
publish: { check_owners: false }
max_body_size: 400mb
web: { enable: false }
log: { type: stdout, format: json, level: error }
`;

/** A running registry. Close it, because it owns a process. */
export interface Registry extends AsyncDisposable {
  readonly url: string;
  /** Publishes a packed package with npm itself. */
  publish(tarball: string): Promise<void>;
}

/** Returns the variables with which npm reads and writes only below a home directory. */
export const npmEnvironment = (home: string): Record<string, string> => ({
  PATH: dirname(onPath("node")) + ":/usr/bin:/bin",
  HOME: home,
  npm_config_cache: `${home}/.npm`,
  npm_config_update_notifier: "false",
});

/** Starts an empty registry on loopback that knows no other registry. */
export async function startRegistry(): Promise<Registry> {
  const place = temporaryDirectory();
  const port = freePort();
  Deno.writeTextFileSync(`${place.path}/config.yaml`, CONFIG);
  // npm publishes only with a token; the registry asks for none.
  Deno.writeTextFileSync(`${place.path}/.npmrc`, `//127.0.0.1:${port}/:_authToken=none\n`);
  const child = new Deno.Command(onPath("node"), {
    args: [PROGRAM, "--config", `${place.path}/config.yaml`, "--listen", `127.0.0.1:${port}`],
    cwd: place.path,
    env: npmEnvironment(place.path),
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  await untilListening(port, child.status);
  return {
    url,
    async publish(tarball) {
      const { success, stderr } = await new Deno.Command(onPath("npm"), {
        args: ["publish", `--registry=${url}`, tarball],
        cwd: place.path,
        env: npmEnvironment(place.path),
        clearEnv: true,
        stdin: "null",
      }).output();
      if (!success) throw new Error(new TextDecoder().decode(stderr));
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      place[Symbol.dispose]();
    },
  };
}
