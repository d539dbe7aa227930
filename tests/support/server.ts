// The SDK exports its types only for the path without ".js".
// @ts-types="@modelcontextprotocol/sdk/client/index"
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/shared/stdio"
import { deserializeMessage, serializeMessage } from "@modelcontextprotocol/sdk/shared/stdio.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport";
import type { CallToolResult, JSONRPCMessage } from "@modelcontextprotocol/sdk/types";
import { assertSameFacts } from "./same_facts.ts";
import { programCommand, runtimeEnvironment } from "./program.ts";

export interface ServerOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** A module to run in place of main.ts. */
  readonly entry?: string;
  readonly args?: readonly string[];
  /** A command line to run in place of the program. Its environment is only `env`. */
  readonly command?: CommandLine;
}

/** A program and its arguments. */
export interface CommandLine {
  readonly path: string;
  readonly args: readonly string[];
}

/**
 * What ends within two seconds must have ended by then: a busy machine adds the start of the end and the
 * exit of the process. Without a limit of its own it would wait for the host, for 30 seconds and more.
 */
export const END_LIMIT_MS = 20_000;

/** npx unpacks 120 MB before the program starts; on a busy machine that takes longer than the SDK waits. */
const START_LIMIT_MS = 180_000;

/** What a progress notification says. */
export interface ProgressStep {
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

/** A line of the server's stdout, as far as it is read here. */
interface ProgressMessage {
  readonly method?: string;
  readonly params?: ProgressStep;
}

/** The real server as a child process. All of its output is kept. */
export class ServerProcess implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T) => void;
  /** Every line of stdout. */
  readonly stdoutLines: string[] = [];
  readonly status: Promise<Deno.CommandStatus>;
  readonly pid: number;
  #stderr = "";
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<unknown>;

  constructor({ env, cwd, entry, args = [], command }: ServerOptions) {
    const program = command ?? programCommand(entry);
    this.#child = new Deno.Command(program.path, {
      args: [...program.args, ...args],
      cwd,
      env: command === undefined ? { ...runtimeEnvironment(), ...env } : { ...env },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.status = this.#child.status;
    this.#input = this.#child.stdin.getWriter();
    this.#input.closed.catch(() => {});
    this.#reading = Promise.all([this.#readStdout(), this.#readStderr()]);
  }

  /** The stderr so far; complete when {@linkcode ended} has settled. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Every progress notification so far. The client drops one that it reads together with the answer. */
  get progress(): readonly ProgressStep[] {
    const messages = this.stdoutLines.map((line) => JSON.parse(line) as ProgressMessage);
    return messages.flatMap(({ method, params }) =>
      method === "notifications/progress" && params !== undefined ? [params] : []
    );
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    await this.sendText(serializeMessage(message));
  }

  /** Writes text to stdin unchanged. */
  async sendText(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Closes stdin, as a client does when it exits. */
  async close(): Promise<void> {
    await this.#input.close().catch(() => {});
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until the process has exited and its output has ended. */
  async ended(): Promise<Deno.CommandStatus> {
    const status = await this.status;
    await this.#reading;
    return status;
  }

  async #readStdout(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#received(line);
    }
    if (rest !== "") this.stdoutLines.push(rest);
    this.onclose?.();
  }

  #received(line: string): void {
    this.stdoutLines.push(line);
    try {
      this.onmessage?.(deserializeMessage(line));
    } catch (error) {
      this.onerror?.(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #readStderr(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#stderr += text;
    }
  }
}

/** A running server, and a client that has initialized it and listed its tools. */
export interface Connected extends AsyncDisposable {
  readonly client: Client;
  readonly server: ServerProcess;
  /** Calls a tool; the client checks the structured content against the tool's output schema. */
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<ToolResult>;
  /** Closes stdin and waits for the process. */
  end(): Promise<Deno.CommandStatus>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** How long the client waits; one minute by default. */
  readonly timeoutMs?: number;
  readonly onprogress?: (
    step: { progress: number; total?: number | undefined; message?: string | undefined },
  ) => void;
}

/** The parts of a tool's answer. */
export interface ToolResult {
  readonly text: string;
  readonly data: Record<string, unknown>;
  readonly isError: boolean;
}

/** Starts the server, initializes it and lists its tools. */
export async function connectServer(options: ServerOptions): Promise<Connected> {
  const server = new ServerProcess(options);
  const client = new Client({ name: "tests", version: "1" });
  const end = async () => {
    await server.close();
    return await server.ended();
  };
  try {
    await client.connect(server, { timeout: START_LIMIT_MS });
    // The client checks structured content only after this call.
    await client.listTools();
  } catch (error) {
    await end();
    throw new Error(`The server did not start: ${server.stderr}`, { cause: error });
  }
  return {
    client,
    server,
    end,
    async call(name, args = {}, { timeoutMs = 60_000, ...callOptions } = {}) {
      const result = await client.callTool({ name, arguments: args }, undefined, {
        ...callOptions,
        timeout: timeoutMs,
      });
      const parts = takeApart(result as CallToolResult); // the older form of a result is not asked for
      const format = args.response_format ?? "text";
      if (format === "text") assertSameFacts(name, parts.text, parts.data);
      return parts;
    },
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}

function takeApart({ content, structuredContent, isError }: CallToolResult): ToolResult {
  const texts = content.map((block) => block.type === "text" ? block.text : `<${block.type}>`);
  return { text: texts.join("\n"), data: structuredContent ?? {}, isError: isError ?? false };
}
