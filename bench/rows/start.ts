import type { ServerStart } from "../../tests/demo/server.ts";
import { type Bench, interleave, type Rows } from "../harness.ts";
import { figure } from "../numbers.ts";

/** The requests up to the list of tools, by how a client opens the connection. */
export const OPENINGS = {
  "initialize": [
    request("initialize", {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "bench", version: "1" },
    }),
    request("tools/list", {}),
  ],
  "2026-07-28": [request("server/discover", modern()), request("tools/list", modern())],
} as const;

/** How long a client waits for the tools, in both eras of the protocol. */
export const startRows: Rows = {
  name: "start",
  about: "cold start to the answer of tools/list, from source and from the binary",
  async measure(bench) {
    const work = await starts(bench);
    // The first start after a change compiles the sources and reads the file from the disk.
    for (const { once } of work) await once();
    const samples = await interleave(
      12,
      Object.fromEntries(work.map(({ what, once }) => [what, once])),
    );
    return work.map(({ what, isBinary }) => ({
      what: `start to tools/list, ${what}`,
      unit: "ms",
      ours: figure(samples[what] ?? []),
      ...(isBinary ? { aim: { of: "value", most: 150 } } : {}),
    }));
  },
};

/** Every program with every opening. */
async function starts(bench: Bench) {
  return (await bench.programs()).flatMap(({ name, program }) =>
    Object.entries(OPENINGS).map(([opening, requests]) => ({
      what: `${name}, ${opening}`,
      isBinary: program.args.length === 0,
      once: () => timeToLastAnswer(bench.serverStart({ program }), requests),
    }))
  );
}

/** Milliseconds from the start of the process to its answer to the last request, each sent after the last answer. */
export async function timeToLastAnswer(
  start: ServerStart,
  requests: readonly string[],
): Promise<number> {
  const startedAt = performance.now();
  const { child, input, lines } = startProcess(start);
  await answers(requests, input, lines);
  const elapsedMs = performance.now() - startedAt;
  await input.close();
  for await (const _line of lines); // to its end
  await child.status;
  return elapsedMs;
}

/** Starts a server with pipes; end it, because it is a process. */
export function startProcess({ program: { command, args }, cwd, env }: ServerStart) {
  const child = new Deno.Command(command, {
    ...{ args: [...args], cwd, env: { NO_COLOR: "1", ...env }, clearEnv: true },
    ...{ stdin: "piped", stdout: "piped", stderr: "null" },
  }).spawn();
  return { child, input: child.stdin.getWriter(), lines: readLines(child.stdout) };
}

/** Sends requests, each after the answer to the one before; notifications do not count. @throws Error on a failure */
export async function answers(
  requests: readonly string[],
  input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>,
  lines: AsyncGenerator<string, void>,
): Promise<void> {
  for (const line of requests) {
    await input.write(new TextEncoder().encode(`${line}\n`));
    const answer = await nextAnswer(lines);
    if (answer === undefined || !("result" in JSON.parse(answer))) {
      throw new Error(`The server answered ${answer}`);
    }
  }
}

async function nextAnswer(lines: AsyncGenerator<string, void>): Promise<string | undefined> {
  for (;;) {
    const { value } = await lines.next();
    if (value === undefined) return undefined;
    if ("id" in JSON.parse(value)) return value;
  }
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

function request(method: string, params: object): string {
  return JSON.stringify({ jsonrpc: "2.0", id: method, method, params });
}

function modern() {
  return {
    _meta: {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  };
}
