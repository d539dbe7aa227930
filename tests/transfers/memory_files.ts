import { createHash } from "node:crypto";
import { RemoteExecError } from "../../src/errors.ts";
import type { FilesPort, WriteRequest } from "../../src/ssh/files_port.ts";
import type { Endpoint, FileFacts } from "../../src/ssh/port.ts";

/** Files in memory for endpoints of all kinds. Like real ones, they are written only if size and hash match. */
export class MemoryFiles implements FilesPort {
  readonly files = new Map<string, Uint8Array>();
  /** The calls so far, like "read local:a". */
  readonly asked: string[] = [];

  add(key: string, content: Uint8Array | string): void {
    this.files.set(key, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }

  text(key: string): string | undefined {
    const bytes = this.files.get(key);
    return bytes && new TextDecoder().decode(bytes);
  }

  async stat(end: Endpoint): Promise<FileFacts> {
    return await Promise.resolve(facts(this.#existing("stat", end).length, end));
  }

  tree(): Promise<never> {
    return Promise.reject(new Error("not needed here"));
  }

  readTree(): Promise<never> {
    return Promise.reject(new Error("not needed here"));
  }

  async read(end: Endpoint) {
    const bytes = this.#existing("read", end);
    const stream = new Blob([bytes.slice()]).stream();
    return await Promise.resolve({ facts: facts(bytes.length, end), stream });
  }

  async sha256(end: Endpoint): Promise<string> {
    const bytes = this.#existing("sha256", end);
    return await Promise.resolve(createHash("sha256").update(bytes).digest("hex"));
  }

  hostSha256(end: Endpoint): Promise<string | undefined> {
    return end.kind === "host" ? this.sha256(end) : Promise.resolve(undefined);
  }

  async write(request: WriteRequest, stream: ReadableStream<Uint8Array>) {
    const key = keyOf(request.to);
    this.asked.push(`write ${key}`);
    if (!request.overwrite && this.files.has(key)) {
      await stream.cancel();
      throw new RemoteExecError("already_exists", `File exists: ${request.to.path}`, "Overwrite");
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const bytes = new Uint8Array(
      await new Blob(chunks.map((chunk) => chunk.slice())).arrayBuffer(),
    );
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const fits = (request.size ?? bytes.length) === bytes.length &&
      (request.sha256 ?? sha256) === sha256;
    if (!fits) throw new RemoteExecError("verification_failed", "Another content", "Try again");
    this.files.set(key, bytes);
    return {
      bytes: bytes.length,
      sha256,
      verified: "sha256" as const,
      durationMs: 1,
      path: request.to.path,
    };
  }

  #existing(what: string, end: Endpoint): Uint8Array {
    this.asked.push(`${what} ${keyOf(end)}`);
    const bytes = this.files.get(keyOf(end));
    if (bytes !== undefined) return bytes;
    throw new RemoteExecError("not_found", `No file ${end.path}`, "Check the path");
  }
}

/** Returns "local:a", "host:/a", or "101:/a" for a container. */
export const keyOf = (end: Endpoint): string =>
  `${end.kind === "shell" ? end.label : end.kind}:${end.path}`;

const facts = (size: number, end: Endpoint): FileFacts => ({
  kind: "file",
  size,
  mtimeMs: 0,
  mode: 0o644,
  path: end.path,
});
