import { type ServerOptions, ServerProcess } from "./server.ts";

/** How a connection opens: with `initialize`, or with the version in every request. */
export type Era = "legacy" | "current";

export const ERAS: readonly Era[] = ["legacy", "current"];

type Fields = Record<string, unknown>;

/** A client that writes its messages by hand. */
export class RawClient implements AsyncDisposable {
  readonly server: ServerProcess;
  /** Every message of the server. */
  readonly received: Fields[] = [];
  readonly #era: Era;
  readonly #waiting: (() => void)[] = [];
  #isClosed = false;

  private constructor(options: ServerOptions, era: Era) {
    this.server = new ServerProcess(options);
    this.#era = era;
    this.server.onmessage = (message) => this.#receive({ ...message });
    // An answer with the id null is no message for the SDK.
    this.server.onerror = () => this.#receive(JSON.parse(this.server.stdoutLines.at(-1) ?? ""));
    this.server.onclose = () => {
      this.#isClosed = true;
      this.#wake();
    };
  }

  /** Starts the server; the first message is the caller's. */
  static start(options: ServerOptions, era: Era): RawClient {
    return new RawClient(options, era);
  }

  /** Starts the server and opens the connection. */
  static async connect(options: ServerOptions, era: Era): Promise<RawClient> {
    const client = RawClient.start(options, era);
    const clientInfo = { name: "hand", version: "1" };
    const opening = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
    const [method, params] = era === "legacy"
      ? ["initialize", opening] as const
      : ["server/discover", {}] as const;
    await client.send({ id: "opening", method, params });
    await client.answerTo("opening");
    return client;
  }

  /** Sends a message; missing are added: `jsonrpc`, and what the era requires in `_meta`. */
  async send({ params = {}, ...message }: Fields & { params?: Fields }): Promise<void> {
    await this.line(JSON.stringify({ jsonrpc: "2.0", ...message, params: this.params(params) }));
  }

  /** Sends a call of `ssh_exec_command`. */
  async exec(id: unknown, command: string, _meta: Fields = {}): Promise<void> {
    const params = { name: "ssh_exec_command", arguments: { command }, _meta };
    await this.send({ id, method: "tools/call", params });
  }

  /** Returns params with what the era requires in `_meta`. */
  params(params: Fields): Fields {
    if (this.#era === "legacy") return params;
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
      ...(typeof params._meta === "object" ? params._meta : {}),
    };
    return { ...params, _meta };
  }

  /** Sends a request and returns the answer. */
  async request(id: unknown, method: string, params: Fields = {}): Promise<Fields> {
    await this.send({ id, method, params });
    return await this.answerTo(id);
  }

  async line(text: string): Promise<void> {
    await this.server.sendText(`${text}\n`);
  }

  /** Waits for a message of the server. @throws Error if its output ends without it */
  async message(isIt: (message: Fields) => boolean): Promise<Fields> {
    for (;;) {
      const found = this.received.find(isIt);
      if (found !== undefined) return found;
      if (this.#isClosed) throw new Error(`the server ended: ${this.server.stderr}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async answerTo(id: unknown): Promise<Fields> {
    return await this.message((message) => message.id === id && !("method" in message));
  }

  /** Starts a command that sleeps. @returns its pid on the host */
  async startSleep(id: unknown): Promise<number> {
    await this.exec(id, "echo $$; exec sleep 300", { progressToken: `pid of ${id}` });
    const { params } = await this.message(({ params }) =>
      `${read(params, "progressToken")}` === `pid of ${id}` && pidIn(params) > 0
    );
    return pidIn(params);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.server.ended();
  }

  #receive(message: Fields): void {
    this.received.push(message);
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Returns a member of a value that may have it. */
export const read = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>((inner, name) => Object(inner)[name], value);

const pidIn = (params: unknown): number => Number(`${read(params, "message")}`.split("\n")[1]);
