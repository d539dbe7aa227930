import { Client } from "@modelcontextprotocol/sdk/client";
// The package's map of names finds no types behind a name that ends in `.js`.
// @ts-types="@modelcontextprotocol/sdk/client/stdio"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import { CallToolResultSchema, type Tool } from "@modelcontextprotocol/sdk/types.js";
import * as z from "zod";
import { flagsOf, PROJECT, projectFile } from "../support/project.ts";

/** A program with the arguments that every run of it starts with. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** What a server is started with. */
export interface ServerStart {
  readonly program: Program;
  /** Not the project's directory: a `.env` there is somebody's own. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A tool's answer. */
export interface Answer {
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly isError: boolean;
}

/** `deno task start` with exactly its flags, for any current directory. */
export const sourceProgram: Program = {
  command: Deno.execPath(),
  args: ["run", ...flagsOf("start"), projectFile("main.ts")],
};

let directory: Promise<string> | undefined;

/** Where this Deno keeps its packages, so that a child with another home finds them too. */
export const denoDirectory = (): Promise<string> => directory ??= findDenoDirectory();

async function findDenoDirectory(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
    cwd: PROJECT,
    stderr: "null",
  }).output();
  return z.object({ denoDir: z.string() }).parse(JSON.parse(new TextDecoder().decode(stdout)))
    .denoDir;
}

/** Starts a server as a child and shakes hands with it. */
export async function startServer(start: ServerStart): Promise<Server> {
  const server = new Server(start);
  await server.connect();
  return server;
}

/** The real server behind the MCP SDK's client, over stdio. */
export class Server implements AsyncDisposable {
  readonly #client = new Client({ name: "demo", version: "1.0.0" });
  readonly #transport: StdioClientTransport;
  #stderr = "";

  constructor({ program: { command, args }, cwd, env }: ServerStart) {
    this.#transport = new StdioClientTransport({
      command,
      args: [...args],
      cwd,
      env: { NO_COLOR: "1", ...env },
      stderr: "pipe",
    });
    this.#transport.stderr?.on("data", (bytes) => this.#stderr += String(bytes));
  }

  /** Of the child; 0 when it has ended. */
  get pid(): number {
    return this.#transport.pid ?? 0;
  }

  /** What the server has written to stderr so far. */
  get log(): string {
    return this.#stderr;
  }

  async connect(): Promise<void> {
    try {
      await this.#client.connect(this.#transport);
    } catch (error) {
      throw new Error(`The server did not start:\n${this.#stderr}`, { cause: error });
    }
  }

  /** The list of tools. From then on the client checks each answer against its tool's schema. */
  async tools(): Promise<Tool[]> {
    return (await this.#client.listTools()).tools;
  }

  /** Calls a tool. Failures are answers too. */
  async call(name: string, args: Readonly<Record<string, unknown>>): Promise<Answer> {
    const raw = await this.#client.callTool({ name, arguments: args });
    const { content, structuredContent, isError } = CallToolResultSchema.parse(raw);
    const text = content.map((block) => block.type === "text" ? block.text : "").join("");
    return { text, data: structuredContent ?? {}, isError: isError ?? false };
  }

  /** Closes stdin and waits for the process to end. */
  close(): Promise<void> {
    return this.#client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
