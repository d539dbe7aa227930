import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { ImageKitConfig } from "../../../src/config/config.ts";
import { cancelled, RemoteExecError } from "../../../src/errors.ts";
import { createLogger } from "../../../src/log.ts";
import type { Progress, ToolContext } from "../../../src/mcp/tool.ts";
import type { FilesPort, WriteRequest } from "../../../src/ssh/files_port.ts";
import type { ContainerAccess } from "../../../src/proxmox/container_access.ts";
import type { CopyOutcome, Endpoint, FileFacts } from "../../../src/ssh/port.ts";
import { ImageKitBridge } from "../../../src/transfers/worker/imagekit/imagekit_bridge.ts";
import { type ImageKitParts, ImageKitService } from "../../../src/transfers/imagekit/service.ts";
import type { TransfersPort } from "../../../src/transfers/port.ts";
import { Transfers } from "../../../src/transfers/worker/transfers.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type FakeImageKit, type ImageKitOptions, startImageKit } from "../../fakes/imagekit.ts";

interface StagedFile {
  bytes: Uint8Array<ArrayBuffer>;
  mode: number;
  kind?: FileFacts["kind"];
  /** The size that `stat` reports instead of the length, as for files in /proc. */
  statedSize?: number;
}

/** Files of a host and its containers in memory, with the answers of the ssh worker. */
export class StagedFiles implements FilesPort {
  readonly files = new Map<string, StagedFile>();
  readonly written: WriteRequest[] = [];
  /** Thrown by the next write, after the content was read. */
  writeFailure: RemoteExecError | undefined;
  /** Thrown by the next `stat` or `read`. */
  readFailure: RemoteExecError | undefined;
  /** What a write could compare. */
  verified: CopyOutcome["verified"] = "sha256";
  /** The hash that `sha256` reports instead of the content's. */
  statedHash: string | undefined;

  put(key: string, content: string | Uint8Array<ArrayBuffer>, mode = 0o644): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.files.set(key, { bytes, mode });
  }

  stat = (endpoint: Endpoint): Promise<FileFacts> => {
    const { bytes, mode, kind = "file", statedSize } = this.#file(endpoint);
    const size = statedSize ?? bytes.length;
    return Promise.resolve({ kind, size, mode, mtimeMs: 0, path: endpoint.path });
  };

  async read(endpoint: Endpoint) {
    const { bytes } = this.#file(endpoint);
    const chunks = [bytes.subarray(0, 7), bytes.subarray(7)].filter((chunk) => chunk.length > 0);
    return { facts: await this.stat(endpoint), stream: ReadableStream.from(chunks) };
  }

  hostSha256 = (endpoint: Endpoint) => this.sha256(endpoint);

  sha256 = (endpoint: Endpoint): Promise<string> =>
    Promise.resolve(this.statedHash ?? sha256(this.#file(endpoint).bytes));

  async write(request: WriteRequest, stream: ReadableStream<Uint8Array>) {
    this.written.push(request);
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    const { to, size, overwrite, mode = 0o644 } = request;
    if (this.writeFailure !== undefined) throw this.#once("writeFailure");
    if (size !== undefined && size !== bytes.length) throw new TypeError("Another size arrived");
    if (!overwrite && this.files.has(keyOf(to))) {
      throw new RemoteExecError("already_exists", "Remote file already exists", "Choose another");
    }
    this.files.set(keyOf(to), { bytes, mode });
    const outcome: CopyOutcome = {
      bytes: bytes.length,
      sha256: sha256(bytes),
      verified: this.verified,
      durationMs: 1,
      path: to.path,
    };
    return outcome;
  }

  tree = () => Promise.reject(new TypeError("not used"));
  readTree = () => Promise.reject(new TypeError("not used"));

  #file(endpoint: Endpoint): StagedFile {
    if (this.readFailure !== undefined) throw this.#once("readFailure");
    const file = this.files.get(keyOf(endpoint));
    if (file !== undefined) return file;
    throw new RemoteExecError("not_found", `No such file: ${endpoint.path}`, "Check the path");
  }

  #once(which: "readFailure" | "writeFailure"): RemoteExecError | undefined {
    const failure = this[which];
    this[which] = undefined;
    return failure;
  }
}

/** Returns the name of a staged file: `/etc/hosts`, or `101:/etc/hosts` in a container. */
export const keyOf = (end: Endpoint): string =>
  end.kind === "shell" ? `${end.label.replace("container ", "")}:${end.path}` : end.path;

/** An ImageKit account, the files of a host, and servers between them. */
export interface Stage extends AsyncDisposable {
  readonly fake: FakeImageKit;
  readonly clock: FakeClock;
  readonly files: StagedFiles;
  readonly config: ImageKitConfig;
  /** Everything that was logged. */
  readonly logged: string[];
  bridge(): ImageKitBridge;
  /** Starts another server, which shares no memory with the others. */
  service(change?: Partial<ImageKitParts>): ImageKitService;
}

export interface StageOptions extends ImageKitOptions {
  readonly config?: Partial<ImageKitConfig>;
  /** By how much the clock of the server is ahead of the service's. */
  readonly aheadMs?: number;
}

export async function setStage(
  { config: change, aheadMs = 0, ...options }: StageOptions = {},
): Promise<Stage> {
  const clock = new FakeClock({ nowMs: 1_790_000_000_000, skipUpToMs: 4_000 });
  const fake = await startImageKit({ now: () => clock.now() - aheadMs, ...options });
  const files = new StagedFiles();
  const logged: string[] = [];
  const logger = createLogger("debug", [], (line) => logged.push(line));
  const config: ImageKitConfig = {
    publicKey: fake.publicKey,
    privateKey: fake.privateKey,
    urlEndpoint: fake.urlEndpoint,
    folder: "/mcp-remote-exec",
    transferTimeoutMs: 3_300_000,
    maxFileBytes: 25_000_000,
    apiUrl: fake.apiUrl,
    uploadUrl: fake.uploadUrl,
    ...change,
  };
  const bridge = () => new ImageKitBridge(config, { fetch, clock, logger });
  const service = (parts: Partial<ImageKitParts> = {}) => {
    const port = portOf(new Transfers({ bridges: [bridge()], files, clock, logger }));
    return new ImageKitService({
      port,
      ssh: { stat: (endpoint) => Promise.resolve().then(() => files.stat(endpoint)) },
      config,
      host: "server.example",
      containers,
      clock,
      ...parts,
    });
  };
  return {
    ...{ fake, clock, files, config, logged, bridge, service },
    [Symbol.asyncDispose]: () => fake.close(),
  };
}

/** How main reaches containers, without a Proxmox host. */
export const containers: ContainerAccess = {
  endpoint: (ctid, path) => ({
    kind: "shell",
    prefix: `pct exec ${ctid} --`,
    path,
    label: `container ${ctid}`,
  }),
  problem: (_ctid, error) => Promise.resolve(error),
};

/** Returns the context of a call that is not cancelled; it records the progress. */
export function context(): ToolContext & { readonly steps: Progress[] } {
  const steps: Progress[] = [];
  return {
    signal: new AbortController().signal,
    progress: (step) => void steps.push(step),
    steps,
  };
}

export const sha256 = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

/** A picture of one pixel: the service would deliver it re-encoded. */
export const PNG: Uint8Array<ArrayBuffer> = new Uint8Array(Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
));

/** The worker's port without a worker. */
function portOf(transfers: Transfers): TransfersPort {
  const quiet = (signal: AbortSignal) => ({ signal: crossed(signal), progress: undefined });
  return {
    configure: () => Promise.resolve(),
    store: (request, signal, progress) =>
      transfers.store(request, { signal: crossed(signal), progress }),
    deliver: (request, signal, progress) =>
      transfers.deliver(request, { signal: crossed(signal), progress }),
    find: (bridge, ref, waitMs, signal, progress) =>
      transfers.find(bridge, ref, waitMs, quiet(signal), progress),
    list: (bridge, prefix, signal) => transfers.bridge(bridge).list(prefix, quiet(signal)),
    remove: (bridge, ref, signal) => transfers.bridge(bridge).remove(ref, quiet(signal)),
    uploadTicket: ({ bridge, ...request }) => transfers.bridge(bridge).uploadTicket(request),
    downloadUrl: (bridge, ref, expiresAtMs) =>
      transfers.bridge(bridge).downloadUrl(ref, expiresAtMs),
    clockAheadMs: (bridge) => Promise.resolve(transfers.bridge(bridge).clockAheadMs()),
    diagnose: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}

/** Returns the signal as the worker gets it: its reason does not cross between isolates. */
function crossed(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const end = () => controller.abort(cancelled());
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  return controller.signal;
}
