import { fileURLToPath } from "node:url";
import { AwsClient } from "aws4fetch";

const PYTHON = "/usr/bin/python3";
const LAUNCHER = fileURLToPath(new URL("./s3d.py", import.meta.url));

/**
 * Starts OpenStack Swift as an S3 endpoint on a free loopback port, about a second. It verifies
 * SigV4 and refuses chunked PUTs with 411 as R2 does. Unlike R2, it answers 501 to
 * `If-None-Match` on PUT, 403 AccessDenied to an expired URL, and may return "-" for "_" in names
 * of metadata.
 *
 * @throws Error with the server's output if it does not start
 */
export async function startS3(): Promise<S3Peer> {
  const dir = await Deno.makeTempDir({ prefix: "mre_s3_" });
  const access = { accessKey: `AK${randomHex(8)}:user`, secretKey: randomHex(16), region: "auto" };
  // Debian's own interpreter, the only one that has Swift.
  const child = new Deno.Command(PYTHON, {
    args: [LAUNCHER, dir, access.accessKey, access.secretKey, access.region],
    // Without a DNS client of its own it starts in half the time.
    env: { EVENTLET_NO_GREENDNS: "yes" },
    // Swift exits when its stdin ends, so it does not outlive a killed test run.
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const complaints = new Response(child.stderr).text();
  const line = await readFirstLine(child.stdout);
  const [, port, storage] = line.match(/^s3d ready (\d+) (disk|mem)$/) ?? [];
  const close = () => end(child, complaints, dir);
  if (port !== undefined && storage !== undefined) {
    return new S3Peer({ ...access, endpoint: `http://127.0.0.1:${port}`, storage, close });
  }
  throw new Error(`Swift did not start:\n${await close()}`);
}

interface Running {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  readonly storage: string;
  readonly close: () => Promise<string>;
}

/** A running S3 endpoint with one account. Close it, because it owns a process and a directory. */
export class S3Peer implements AsyncDisposable {
  /** URL without a final slash; path style: `${endpoint}/${bucket}/${key}`. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  /** "mem" if the temporary directory does not support extended attributes. */
  readonly storage: string;
  /** Signs with the account's keys; does not repeat a failed request. */
  readonly client: AwsClient;
  readonly #close: () => Promise<string>;

  constructor(running: Running) {
    this.endpoint = running.endpoint;
    this.accessKey = running.accessKey;
    this.secretKey = running.secretKey;
    this.region = running.region;
    this.storage = running.storage;
    this.#close = running.close;
    this.client = new AwsClient({
      accessKeyId: running.accessKey,
      secretAccessKey: running.secretKey,
      region: running.region,
      service: "s3",
      retries: 0,
    });
  }

  /** Makes a bucket and returns its URL without a final slash. */
  async createBucket(name: string): Promise<string> {
    const url = `${this.endpoint}/${name}`;
    const answer = await this.client.fetch(url, { method: "PUT" });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Cannot create bucket ${name}: ${answer.status} ${text}`);
    return url;
  }

  /** Ends the server and removes its data. */
  async close(): Promise<void> {
    await this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Returns the server's stderr. May be called again. */
async function end(
  child: Deno.ChildProcess,
  complaints: Promise<string>,
  dir: string,
): Promise<string> {
  await child.stdin.close().catch(() => {});
  await child.status;
  await Deno.remove(dir, { recursive: true }).catch(ignoreMissing);
  return await complaints;
}

/** Returns the text up to the first line break or the end, and discards the rest. */
async function readFirstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}
