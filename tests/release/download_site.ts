/** How much of a file is sent. */
export type Fault = "cut" | "missing" | undefined;

/** A place for downloads on loopback. Close it, because it owns a listener. */
export interface DownloadSite extends AsyncDisposable {
  readonly url: string;
  /** Files by name. */
  readonly files: Map<string, Uint8Array>;
  /** What goes wrong with a file. */
  readonly faults: Map<string, Fault>;
}

/** Starts an HTTP server that can break a download off: the length that it announces is that of the complete file. */
export function startDownloadSite(): DownloadSite {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const files = new Map<string, Uint8Array>();
  const faults = new Map<string, Fault>();
  const open = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const connection of listener) {
      const answering = answer(connection, files, faults).catch(() => {});
      open.add(answering);
      answering.finally(() => open.delete(answering));
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/v1`,
    files,
    faults,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(open);
    },
  };
}

async function answer(
  connection: Deno.Conn,
  files: ReadonlyMap<string, Uint8Array>,
  faults: ReadonlyMap<string, Fault>,
): Promise<void> {
  using client = connection;
  const buffer = new Uint8Array(4096);
  let request = "";
  while (!request.includes("\r\n\r\n")) {
    const length = await client.read(buffer);
    if (length === null) return;
    request += new TextDecoder().decode(buffer.subarray(0, length));
  }
  const [, name = ""] = /^GET \/v1\/(\S+) /.exec(request) ?? [];
  const content = files.get(name);
  if (content === undefined || faults.get(name) === "missing") {
    return await send(
      client,
      "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
  }
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\nConnection: close\r\n\r\n`;
  await send(client, head);
  const sent = faults.get(name) === "cut" ? content.length >> 1 : content.length;
  await send(client, content.subarray(0, sent));
}

async function send(client: Deno.Conn, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  for (let done = 0; done < bytes.length;) done += await client.write(bytes.subarray(done));
}
