import { join } from "node:path";
import { shellQuote } from "../../src/shell/quote.ts";
import { onPath, type Peer, peer } from "../peers/require.ts";
import type { Place } from "../support/places.ts";
import { programCommand, runtimeEnvironment } from "../support/program.ts";
import { projectFile } from "../support/project.ts";
import { freePort, untilListening } from "../support/free_port.ts";

const FOLDER = projectFile("tests/judges/programs");
const INSTALL = "run `deno task judges`";
const NODE = peer("node", onPath("node"), "nodejs");

/** Where `deno task judges` puts a program. */
const programPath = (name: string) => join(FOLDER, "node_modules/.bin", name);

const judge = (name: string): Peer => ({ ...peer(name, programPath(name)), install: INSTALL });

/** The scenarios of the protocol's authors. It runs in Deno, because it requires Node 22. */
export const CONFORMANCE: Peer = judge("conformance");

/** The inspector of the protocol's authors. npm installs it: Deno does not leave out its optional packages. */
export const inspectorPath = projectFile("tests/judges/inspector/node_modules/.bin/mcp-inspector");
export const INSPECTOR: readonly Peer[] = [
  NODE,
  { ...peer("mcp-inspector", inspectorPath), install: INSTALL },
];

/** Options of `deno` that run {@linkcode CONFORMANCE} with the locked versions. */
export const conformanceCommand: readonly string[] = [
  ...["run", "--allow-all", "--quiet", "--cached-only", "--frozen"],
  `--config=${join(FOLDER, "deno.json")}`,
  programPath("conformance"),
];

/** A program that offers a stdio server over HTTP. */
export interface BridgeKind {
  readonly name: string;
  readonly peers: readonly Peer[];
  /** Returns the arguments for a server's command line and the port to listen on. */
  readonly args: (command: readonly string[], port: number) => string[];
  /** Where it also offers the older HTTP+SSE transport. */
  readonly ssePath?: string;
}

export const MCP_PROXY: BridgeKind = {
  name: "mcp-proxy",
  peers: [NODE, judge("mcp-proxy")],
  args: (command, port) => ["--host", "127.0.0.1", "--port", `${port}`, "--", ...command],
  ssePath: "/sse",
};

export const SUPERGATEWAY: BridgeKind = {
  name: "supergateway",
  peers: [NODE, judge("supergateway")],
  args: (command, port) => [
    ...["--outputTransport", "streamableHttp", "--stateful", "--port", `${port}`],
    ...["--logLevel", "none", "--stdio", command.map(shellQuote).join(" ")],
  ],
};

/** A running bridge with the server behind it. Close it, because it owns a process. */
export interface Bridge extends AsyncDisposable {
  /** URL of the Streamable HTTP transport. */
  readonly url: URL;
}

/** Starts a bridge in front of the real server. @param entry a module to run in place of main.ts */
export async function startBridge(
  { name, args }: BridgeKind,
  place: Pick<Place, "env" | "directory">,
  entry?: string,
): Promise<Bridge> {
  const program = programCommand(entry);
  const port = freePort();
  const child = new Deno.Command(onPath("node"), {
    args: [programPath(name), ...args([program.path, ...program.args], port)],
    cwd: place.directory,
    env: { PATH: Deno.env.get("PATH") ?? "", ...runtimeEnvironment(), ...place.env },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const stop = async () => {
    child.kill("SIGTERM");
    await child.status;
  };
  await untilListening(port, child.status);
  return { url: new URL(`http://127.0.0.1:${port}/mcp`), [Symbol.asyncDispose]: stop };
}
