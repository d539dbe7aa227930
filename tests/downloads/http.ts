/** One connection to a listener, spoken by hand. */
export class RawClient implements AsyncDisposable {
  readonly #connection: Deno.Conn;
  #text = "";

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  static async connect(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    return new RawClient(await Deno.connect({ hostname, port: Number(port) }));
  }

  async send(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let done = 0; done < bytes.length;) {
      done += await this.#connection.write(bytes.subarray(done));
    }
  }

  /** Reads about this many bytes and no more. */
  async read(count: number): Promise<number> {
    const buffer = new Uint8Array(count);
    return await this.#connection.read(buffer) ?? 0;
  }

  /** Reads up to the end of a text, and returns everything that was read. */
  async readUntil(end: string): Promise<string> {
    let text = "";
    while (!text.endsWith(end)) {
      const buffer = new Uint8Array(65_536);
      const count = await this.#connection.read(buffer);
      if (count === null) break;
      text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
    return text;
  }

  /** Everything until the other side ends the connection. */
  async rest(): Promise<string> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await this.#connection.read(buffer);
        if (count === null) return this.#text;
        this.#text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
      }
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return this.#text;
      throw error;
    }
  }

  close(): void {
    this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#connection.close();
    } catch (error) {
      // A test may have closed it already.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    return Promise.resolve();
  }
}

/** What a browser sends when a person follows a link. */
export const BROWSER = {
  "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
  "Sec-Fetch-Mode": "navigate",
  "Sec-Fetch-Dest": "document",
};

/** What curl sends. */
export const PROGRAM = { "Accept": "*/*", "User-Agent": "curl/8.5.0" };

/** Asks and reads the whole answer. Redirects are not followed. */
export async function ask(
  url: string,
  headers: Record<string, string> = PROGRAM,
  method = "GET",
  body?: string,
): Promise<{ status: number; headers: Headers; bytes: Uint8Array<ArrayBuffer>; text: string }> {
  const response = await fetch(url, {
    method,
    headers,
    redirect: "manual",
    ...(body === undefined ? {} : { body }),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { status } = response;
  return { status, headers: response.headers, bytes, text: new TextDecoder().decode(bytes) };
}
