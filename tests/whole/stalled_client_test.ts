import assert from "node:assert/strict";
import { type Place, startPlace } from "../support/places.ts";
import { until } from "../support/until.ts";
import { programCommand, runtimeEnvironment } from "../support/program.ts";
import { END_LIMIT_MS } from "../support/server.ts";

/** With every answer in memory it would be gigabytes. */
const MAX_RESIDENT_MB = 300;

/** Starts the program with a client that never reads. */
function start({ env, directory }: Place): Deno.ChildProcess {
  const { path, args } = programCommand();
  return new Deno.Command(path, {
    args,
    cwd: directory,
    env: { ...runtimeEnvironment(), ...env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

const OPENING = {
  jsonrpc: "2.0",
  id: "opening",
  method: "initialize",
  params: {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "mute", version: "1" },
  },
};

/** Asks for the tools so often that the answers fill every buffer. */
async function fill(writer: WritableStreamDefaultWriter<Uint8Array>, count: number): Promise<void> {
  const requests = Array.from({ length: count }, (_, id) => ({
    jsonrpc: "2.0",
    id,
    method: "tools/list",
  }));
  const lines = [OPENING, ...requests].map((message) => `${JSON.stringify(message)}\n`);
  await writer.write(new TextEncoder().encode(lines.join("")));
}

function residentNowMb(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}

/** Returns the resident memory of a process after it stopped growing. */
async function residentMb(pid: number): Promise<number> {
  const read = () => residentNowMb(pid);
  for (let last = 0, now = read();; [last, now] = [now, read()]) {
    if (now > 80 && now - last < 1) return now;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function rest(child: Deno.ChildProcess): Promise<void> {
  await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
}

const ENDINGS: Readonly<
  Record<
    string,
    (child: Deno.ChildProcess, writer: WritableStreamDefaultWriter<Uint8Array>) => unknown
  >
> = {
  "closes stdin": (_, writer) => writer.close(),
  "sends SIGTERM": (child) => child.kill("SIGTERM"),
};

for (const [what, end] of Object.entries(ENDINGS)) {
  Deno.test(`the server ends within two seconds when a client that does not read ${what}`, async () => {
    await using place = await startPlace();
    const child = start(place);
    const writer = child.stdin.getWriter();
    writer.closed.catch(() => {}); // the server may be gone first
    await fill(writer, 100_000);
    await residentMb(child.pid);
    // On a busy machine garbage is collected late; answers would stay.
    await until(`${MAX_RESIDENT_MB} MB`, () => residentNowMb(child.pid) < MAX_RESIDENT_MB);
    const began = performance.now();
    await end(child, writer);
    const { code } = await child.status;
    assert.ok(performance.now() - began < END_LIMIT_MS, `${performance.now() - began} ms`);
    assert.equal(code, 0);
    await rest(child);
    await writer.close().catch(() => {}); // closed before, in one case
  });
}

Deno.test("the server ends when a client only writes", async () => {
  await using place = await startPlace();
  const child = start(place);
  const writer = child.stdin.getWriter();
  writer.closed.catch(() => {}); // the server ends first
  await fill(writer, 20_000);
  const filling = fill(writer, 600_000).catch(() => {}); // the server ends first
  const { stderr, code } = await ended(child);
  assert.equal(code, 0);
  assert.match(stderr, /^\[error\] the client does not read its answers, the server exits$/m);
  await filling;
  await writer.close().catch(() => {});
});

async function ended(child: Deno.ChildProcess): Promise<{ stderr: string; code: number }> {
  const stderr = await new Response(child.stderr).text();
  const { code } = await child.status;
  await child.stdout.cancel();
  return { stderr, code };
}
