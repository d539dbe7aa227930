import assert from "node:assert/strict";
import { peerTest } from "../peers/require.ts";
import { type Output, runCommand } from "../support/command.ts";
import { startPlace } from "../support/places.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import {
  type BridgeKind,
  CONFORMANCE,
  conformanceCommand,
  MCP_PROXY,
  startBridge,
  SUPERGATEWAY,
} from "./programs.ts";

const TEST_TOOLS = "tests/judges/conformance_server.ts";

/** Scenarios that a server with tools passes, whatever its tools are. */
const OF_ANY_TOOLS = ["server-initialize", "ping", "tools-list", "tools-call-error"];

/** Scenarios that need tools of their own. */
const OF_TEST_TOOLS = ["tools-call-simple-text"];

/** mcp-proxy loses the progress that comes right before an answer, so this runs through supergateway. */
const OF_PROGRESS = "tools-call-with-progress";

/** The other scenarios, and why this server is not meant by them. */
const NOT_APPLICABLE: Readonly<Record<string, readonly string[]>> = {
  "the server offers no resources": [
    ...["resources-list", "resources-read-text", "resources-read-binary"],
    ...["resources-templates-read", "resources-subscribe", "resources-unsubscribe"],
    "tools-call-embedded-resource",
  ],
  "the server offers no prompts and completes nothing": [
    ...["prompts-list", "prompts-get-simple", "prompts-get-with-args"],
    ...["prompts-get-embedded-resource", "prompts-get-with-image", "completion-complete"],
  ],
  "the server logs to stderr, not to the client": ["logging-set-level", "tools-call-with-logging"],
  "the server asks the client nothing": [
    ...["tools-call-sampling", "tools-call-elicitation"],
    ...["elicitation-sep1034-defaults", "elicitation-sep1330-enums"],
  ],
  "every tool answers with text and structured content": [
    ...["tools-call-image", "tools-call-audio", "tools-call-mixed-content"],
  ],
  "no schema of a tool has definitions or names its dialect": ["json-schema-2020-12"],
  "this is about HTTP, which here belongs to the bridge": [
    ...["dns-rebinding-protection", "server-sse-multiple-streams", "server-sse-polling"],
  ],
};

peerTest({
  peer: [CONFORMANCE, ...MCP_PROXY.peers],
  name: "the real server passes the conformance scenarios for any tools",
  async fn() {
    await using place = await startPlace();
    const { passed } = await runSuite(place);
    assert.deepEqual(OF_ANY_TOOLS.filter((name) => !passed.includes(name)), []);
  },
});

peerTest({
  peer: [CONFORMANCE, ...MCP_PROXY.peers, ...SUPERGATEWAY.peers],
  name: "a server of the same protocol passes every conformance scenario that applies",
  async fn() {
    using directory = temporaryDirectory();
    const place = { env: {}, directory: directory.path };
    const [{ passed, failed }, progress] = await Promise.all([
      runSuite(place, TEST_TOOLS),
      run(SUPERGATEWAY, place, TEST_TOOLS, ["--scenario", OF_PROGRESS]),
    ]);
    const applicable = [...OF_ANY_TOOLS, ...OF_TEST_TOOLS];
    assert.deepEqual(applicable.filter((name) => !passed.includes(name)), []);
    assert.equal(progress.code, 0, progress.stdout + progress.stderr);
    const known = [...applicable, OF_PROGRESS, ...Object.values(NOT_APPLICABLE).flat()];
    assert.deepEqual([...passed, ...failed].sort(), known.sort(), "every scenario is classified");
  },
});

/** Runs all scenarios. @returns their names, by whether they passed */
async function runSuite(
  place: Served,
  entry?: string,
): Promise<{ passed: string[]; failed: string[] }> {
  const { stdout, stderr } = await run(MCP_PROXY, place, entry, ["--suite", "all"]);
  const names = (mark: string) =>
    [...stdout.matchAll(new RegExp(`^${mark} ([\\w-]+): `, "gm"))].map(([, name = ""]) => name);
  assert.match(stdout, /^=== SUMMARY ===$/m, stdout + stderr);
  return { passed: names("✓"), failed: names("✗") };
}

type Served = Parameters<typeof startBridge>[1];

async function run(
  kind: BridgeKind,
  place: Served,
  entry: string | undefined,
  scenarios: readonly string[],
): Promise<Output> {
  await using bridge = await startBridge(kind, place, entry);
  const args = [...conformanceCommand, "server", ...scenarios, "--url", bridge.url.href];
  return await runCommand(Deno.execPath(), args, { cwd: place.directory });
}
