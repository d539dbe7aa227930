/** The tools for text files on a real SSH server, without MCP in between. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createLogger } from "../../src/log.ts";
import { noAudit } from "../../src/mcp/audit.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { callTool } from "../../src/mcp/server.ts";
import type { TextPort } from "../../src/ssh/text/port.ts";
import { TextService } from "../../src/ssh/text/service.ts";
import { textTools } from "../../src/ssh/text/tools.ts";
import { assertSameFacts } from "../support/same_facts.ts";
import {
  openSession,
  type SessionOptions,
  type SessionTarget,
  type TestSession,
} from "./openssh.ts";

/** The parts of a tool's answer. */
export interface Answer {
  readonly text: string;
  // deno-lint-ignore no-explicit-any -- its shape is what the tests check
  readonly data: any;
  readonly isError: boolean;
}

/** Calls the tools on files of a host. */
export class TextStage implements AsyncDisposable {
  readonly session: TestSession;
  readonly #call: (name: string, args: object, signal: AbortSignal) => Promise<Answer>;

  constructor(session: TestSession, limits: Partial<TextService["limits"]> = {}) {
    this.session = session;
    this.#call = textCaller(session.host.text, limits);
  }

  read(path: string, args: object = {}): Promise<Answer> {
    return this.call("ssh_read_file", { path, ...args });
  }

  write(path: string, content: string, args: object = {}): Promise<Answer> {
    return this.call("ssh_write_file", { path, content, ...args });
  }

  edit(path: string, edits: object | readonly object[], args: object = {}): Promise<Answer> {
    return this.call("ssh_edit_file", {
      path,
      edits: Array.isArray(edits) ? edits : [edits],
      ...args,
    });
  }

  list(path: string, args: object = {}): Promise<Answer> {
    return this.call("ssh_list_directory", { path, ...args });
  }

  call(name: string, args: object, signal = new AbortController().signal): Promise<Answer> {
    return this.#call(name, args, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.close();
  }
}

/** Opens a session with the tools. */
export const openStage = async (
  sshd: SessionTarget,
  options: SessionOptions = {},
  limits: Partial<TextService["limits"]> = {},
): Promise<TextStage> => new TextStage(await openSession(sshd, options), limits);

const LIMITS = { characterLimit: 25_000, maxFileBytes: 10_485_760, timeoutMs: 60_000 };

/** Returns a function that calls a tool and checks its data against its output schema. */
export function textCaller(port: TextPort, limits: Partial<TextService["limits"]> = {}) {
  const service = new TextService(port, { ...LIMITS, ...limits }, undefined, { files: true });
  const parts = {
    version: "1",
    catalog: createCatalog(textTools(service, { host: "server.example" })),
    instructions: "",
    audit: noAudit,
    logger: createLogger("error"),
  };
  return async (name: string, args: object, signal: AbortSignal): Promise<Answer> => {
    const result = await callTool(parts, name, args, { signal, progress: undefined });
    const [block] = result.content;
    const text = block?.type === "text" ? block.text : "";
    const isError = result.isError === true;
    if (!isError) parts.catalog.find(name)?.output.parse(result.structuredContent);
    assertSameFacts(name, text, result.structuredContent);
    return { text, data: result.structuredContent, isError };
  };
}

/** Returns the data of a call that must succeed. */
export async function done(call: Promise<Answer>): Promise<Answer["data"]> {
  const { data, isError, text } = await call;
  assert.equal(isError, false, text);
  return data;
}

/** Returns code and error of a call that must fail. */
export async function failed(call: Promise<Answer>): Promise<[code: string, error: string]> {
  const { data, isError } = await call;
  assert.equal(isError, true, JSON.stringify(data).slice(0, 1_000));
  assert.notEqual(data.suggestion, "");
  return [data.code, data.error];
}

export const sha256 = (content: string | Uint8Array): string =>
  createHash("sha256").update(content).digest("hex");
