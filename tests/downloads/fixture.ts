import { createLogger } from "../../src/log.ts";
import type { DownloadsConfig } from "../../src/config/config.ts";
import { HTTP_LIMITS, type HttpLimits } from "../../src/downloads/worker/http/http_limits.ts";
import { LinkHub } from "../../src/downloads/worker/link_hub.ts";
import type { LinkEvent, LinkProgress, LinkRequest, NewLink } from "../../src/downloads/port.ts";
import type { PathBounds } from "../../src/local/paths.ts";
import type { FilesPort } from "../../src/ssh/files_port.ts";
import { FakeClock } from "../support/fake_clock.ts";

export const API_KEY = "api-key-of-the-test";

/** Settings of a hub on any free port of this machine. */
export const downloadsConfig = (more: Partial<DownloadsConfig> = {}): DownloadsConfig => ({
  host: "127.0.0.1",
  port: 0,
  portIsFixed: false,
  baseUrl: undefined,
  sessionId: "session-1",
  apiKey: undefined,
  maxBytes: 104_857_600,
  tls: undefined,
  bindAddress: false,
  ...more,
});

interface Options {
  readonly downloads?: Partial<DownloadsConfig>;
  readonly limits?: Partial<HttpLimits>;
  readonly files?: FilesPort;
  /** The server's own files, in the working directory. */
  readonly own?: readonly string[];
}

/** A hub with a working directory of its own, real sockets and a clock that stands. */
export class TestHub implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly events: LinkEvent[] = [];
  readonly log: string[] = [];
  readonly directory: string;
  /** The working directory as what a link may be made of. */
  readonly bounds: PathBounds;
  readonly hub: LinkHub;
  readonly #outer: string;

  constructor({ downloads, limits, files, own = [] }: Options = {}) {
    this.#outer = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "links-" }));
    this.directory = `${this.#outer}/work`;
    Deno.mkdirSync(this.directory);
    this.bounds = {
      roots: [this.directory],
      aliases: [],
      own: own.map((name) => `${this.directory}/${name}`),
    };
    this.hub = new LinkHub({
      settings: {
        downloads: downloadsConfig(downloads),
        files: this.bounds,
        logLevel: "debug",
        secrets: [],
      },
      files,
      clock: this.clock,
      logger: createLogger("debug", [], (line) => this.log.push(line)),
      onEvent: (event) => this.events.push(event),
      // A busy machine may need longer than usual to see that a client has gone.
      limits: { ...HTTP_LIMITS, settleMs: 10_000, ...limits },
    });
  }

  /** A path beside the working directory. */
  outside(name: string): string {
    return `${this.#outer}/${name}`;
  }

  /** Writes a file in the working directory. */
  write(path: string, content: string | Uint8Array): string {
    const whole = `${this.directory}/${path}`;
    Deno.mkdirSync(whole.slice(0, whole.lastIndexOf("/")), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(whole, content);
    else Deno.writeFileSync(whole, content);
    return whole;
  }

  async link(path: string, minutes = 5): Promise<NewLink> {
    return await this.create({ from: { kind: "local", path }, expiryMs: minutes * 60_000 });
  }

  async create(
    request: LinkRequest,
    progress?: (step: LinkProgress) => void,
  ): Promise<NewLink> {
    return await this.hub.create(request, new AbortController().signal, progress);
  }

  /** What happened, in order, without the details. */
  actions(): unknown[] {
    return this.events.map(({ action }) => action);
  }

  /** The events of refusals. */
  refusals(): LinkEvent[] {
    return this.events.filter(({ action }) => action === "refused");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub.close();
    await Deno.remove(this.#outer, { recursive: true });
  }
}

/** Random bytes, as many as wanted. */
export function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(count, at + 65_536)));
  }
  return bytes;
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
