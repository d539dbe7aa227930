/** Every tool with good input, with bad input, and while the remote side fails. */
import assert from "node:assert/strict";
import { ERROR_CODES } from "../../src/errors.ts";
import { pooledMap } from "../../src/async/pooled_map.ts";
import { TOOL_ROWS } from "../../src/config/tool_table.ts";
import { CONTAINERS, CURL, peerTest } from "../peers/require.ts";
import type { ToolResult } from "../support/server.ts";
import { type Args, type FullStage, type Servers, startFullStage } from "./full_stage.ts";
import { addFiles, addGuests, type Caller, TOOL_CALLS, type Wanted } from "./tool_calls.ts";

const TOOLS = Object.keys(TOOL_CALLS);
/** How long a client waits for a tool whose remote side fails; far below the tools' own time limits. */
const WAIT_MS = 90_000;
const CALLS_AT_ONCE = 8;

peerTest({
  name: "every tool works, refuses bad input, and names a remote side that fails",
  peer: [CURL, ...CONTAINERS],
  async fn(t) {
    await using stage = await startFullStage();
    await addGuests(stage.pve);
    addFiles(stage);
    await using servers = await stage.startServers();
    const caller = callerOn(stage, servers);
    const good = new Map<string, Args>();
    await t.step("every tool is in the table", async () => {
      const listed = [servers.imageKit, servers.direct].map(({ client }) => client.listTools());
      const names = (await Promise.all(listed)).flatMap(({ tools }) => tools).map(nameOf);
      assert.deepEqual([...new Set(names)].sort(), TOOLS.toSorted());
      // Those for several hosts: tests/peers/openssh_hosts_test.ts.
      const always = TOOL_ROWS.filter(({ facts }) =>
        !facts.includes("several hosts") && !facts.includes("many hosts")
      );
      assert.deepEqual(always.map(nameOf).sort(), TOOLS.toSorted());
    });
    await t.step("good input", async () => {
      for (const [tool, calls] of Object.entries(TOOL_CALLS)) {
        const args = await made(calls.good, caller);
        good.set(tool, args);
        const { data, text, isError } = await servers.call(tool, args);
        assert.equal(isError, false, `${tool}: ${text}`);
        caller.answers.set(tool, data);
      }
    });
    await t.step("arguments of a wrong type, or missing", async () => {
      await refusesMalformed(servers, good, stage);
    });
    await t.step("bad input", async () => {
      // All at once would keep a busy machine's host silent for longer than a connection may be.
      await pooledMap(Object.entries(TOOL_CALLS), CALLS_AT_ONCE, async ([tool, { bad }]) => {
        if (bad === undefined) return;
        const [over, code] = bad;
        const answer = await servers.call(tool, { ...good.get(tool), ...over });
        assertRefused(tool, answer, [code]);
      });
    });
    for (const [tool, { late }] of Object.entries(TOOL_CALLS)) {
      if (late !== undefined) good.set(tool, await made(late, caller));
    }
    await t.step("a host that does not answer", () => silentHost(stage, good));
    await t.step("remote sides that are gone", () => goneRemotes(stage, servers, good));
  },
});

const nameOf = ({ name }: { readonly name: string }): string => name;

function callerOn({ place, pve }: FullStage, servers: Servers) {
  const answers = new Map<string, Record<string, unknown>>();
  const said = (tool: string) => answers.get(tool) ?? {};
  return { place, pve, servers, answers, said };
}

const made = async (wanted: Wanted, caller: Caller): Promise<Args> =>
  typeof wanted === "function" ? await wanted(caller) : wanted;

/** Checks that a call failed as every failure must look. */
function assertRefused(tool: string, answer: ToolResult, codes: readonly string[]): void {
  const { isError, text, data } = answer;
  assert.equal(isError, true, `${tool}: ${text}`);
  const { success, code, error, suggestion } = data;
  assert.equal(success, false, tool);
  assert.ok(codes.includes(String(code)), `${tool}: ${text}`);
  assert.ok((ERROR_CODES as readonly unknown[]).includes(code), tool);
  assert.ok(String(error).length > 10 && String(suggestion).length > 10, `${tool}: ${text}`);
  assert.doesNotMatch(String(suggestion), new RegExp(`\\b${tool}\\b`));
  for (const part of [code, error, suggestion]) assert.ok(text.includes(String(part)), text);
}

/** Calls each tool with one argument of a wrong type, or without one that it needs. */
async function refusesMalformed(
  servers: Servers,
  good: ReadonlyMap<string, Args>,
  { place }: FullStage,
): Promise<void> {
  const { host } = place;
  const before = [host.connectionCount(), host.commandCount()];
  const listed = [servers.imageKit, servers.direct].map(({ client }) => client.listTools());
  for (const { name, inputSchema } of (await Promise.all(listed)).flatMap(({ tools }) => tools)) {
    const args = good.get(name);
    const { properties = {}, required = [] } = inputSchema;
    const malformed = [
      ...Object.keys(properties).map((key) => [key, { ...args, [key]: { odd: 1 } }] as const),
      ...required.map((key) => [key, without(args, key)] as const),
      ["no_such_argument", { ...args, no_such_argument: 1 }] as const,
    ];
    for (const [key, odd] of malformed) {
      const answer = await servers.call(name, odd);
      assertRefused(name, answer, ["invalid_argument"]);
      assert.match(String(answer.data.error), new RegExp(`\\b${key}\\b`), name);
    }
  }
  assert.deepEqual([host.connectionCount(), host.commandCount()], before);
}

const without = (args: Args = {}, key: string): Args =>
  Object.fromEntries(Object.entries(args).filter(([name]) => name !== key));

/** New servers connect to a host that accepts connections and says nothing. */
async function silentHost(stage: FullStage, good: ReadonlyMap<string, Args>): Promise<void> {
  await using servers = await stage.startServers({ TIMEOUT: "2" });
  stage.place.host.freeze();
  try {
    await Promise.all(
      TOOLS.filter((tool) => TOOL_CALLS[tool]?.remote === "host").map(async (tool) => {
        const answer = await servers.call(tool, good.get(tool), WAIT_MS);
        assertRefused(tool, answer, ["timeout", "unreachable"]);
        const { error, suggestion } = answer.data;
        assert.match(String(error), /does not answer|did not (?:answer|start|end)|timed out/, tool);
        assert.match(String(suggestion), /SSH_PORT|HOST|timeout/i, `${tool}: ${error}`);
      }),
    );
  } finally {
    stage.place.host.thaw();
  }
}

/** The variables that a remedy names. */
const REMEDIES = {
  host: /\bSSH_PORT\b/,
  exchange: /\bR2_ENDPOINT\b/,
  ImageKit: /\bIMAGEKIT_API_URL\b/,
};

async function goneRemotes(
  { end }: FullStage,
  servers: Servers,
  good: ReadonlyMap<string, Args>,
): Promise<void> {
  await end();
  await Promise.all(
    Object.entries(TOOL_CALLS).map(async ([tool, { remote }]) => {
      const answer = await servers.call(tool, good.get(tool), WAIT_MS);
      if (remote === "nobody") return assert.equal(answer.isError, false, answer.text);
      assertRefused(tool, answer, ["unreachable"]);
      assert.match(String(answer.data.error), /refused/, tool);
      assert.match(String(answer.data.suggestion), REMEDIES[remote], tool);
    }),
  );
}
