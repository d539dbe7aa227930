import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { ENVIRONMENT_ONLY } from "../../../src/config/origin.ts";
import type { Config, DownloadsConfig } from "../../../src/config/config.ts";
import { createLogger } from "../../../src/log.ts";
import { spawn } from "../../../src/sandbox/spawn.ts";
import { permissionTable } from "../../../src/sandbox/permissions.ts";
import type { DownloadsPort, LinkEvent } from "../../../src/downloads/port.ts";
import { DownloadsService } from "../../../src/downloads/service.ts";
import { connectDownloads } from "../../../src/server/connect.ts";
import { OPENSSL, peerTest } from "../../peers/require.ts";
import { API_KEY, downloadsConfig, TestHub } from "../fixture.ts";
import { ask, RawClient } from "../http.ts";
import { configOf as basicConfig } from "../../support/config.ts";
import { outputOf } from "../../support/command.ts";
import { until } from "../../support/until.ts";
import { freePort } from "../../support/free_port.ts";

const context = () => ({ signal: new AbortController().signal, progress: undefined });

/** The worker as main starts it, with exactly the rights of its row. */
class Started implements AsyncDisposable {
  readonly place = new TestHub();
  readonly events: LinkEvent[] = [];
  readonly log: string[] = [];
  readonly service;
  readonly #worker;
  readonly #configured;
  #files: MessagePort | undefined;

  constructor(more: Partial<DownloadsConfig> = {}) {
    const downloads = downloadsConfig({ port: freePort(), portIsFixed: true, ...more });
    const config = configOf(downloads, this.place.directory);
    const rights = permissionTable(config).find(({ worker }) => worker === "downloads");
    assert.ok(rights !== undefined);
    const logger = createLogger("debug", [], (line) => this.log.push(line));
    this.#worker = spawn<DownloadsPort>(rights, logger);
    const serveFiles = (port: MessagePort) => {
      this.#files = port;
      return Promise.resolve();
    };
    this.#configured = connectDownloads(this.#worker.port, { serveFiles }, config, {
      onEvent: (event) => this.events.push(event),
      logger,
    });
    const session = { downloads, workingDirectory: this.place.directory };
    this.service = new DownloadsService(this.#worker.port, session, undefined);
  }

  async link(path: string, source: "local" | "host" = "local") {
    const call = { path, source, ctid: undefined, expiryMs: 60_000, ...context() };
    return await this.service.createLink(call);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#configured;
    await this.#worker.port.close();
    this.#worker.terminate();
    this.#files?.close();
    await this.place[Symbol.asyncDispose]();
  }
}

/** What the table of rights looks at. */
const configOf = (downloads: DownloadsConfig, workingDirectory: string): Config => ({
  ssh: {
    host: "127.0.0.1",
    port: 22,
    username: "root",
    login: { kind: "password", password: "x" },
    knownHostsPaths: [],
    strictHostKeyChecking: true,
  },
  limits: { characterLimit: 25_000, maxFileBytes: 1, timeoutMs: 1 },
  directories: { maxEntries: 1, maxBytes: 1 },
  jobs: { answerWithinMs: 0, maxOutputBytes: 1, keepMs: 1 },
  files: { workingDirectory, roots: [workingDirectory], aliases: [], own: [] },
  auditLog: undefined,
  logLevel: "error",
  proxmox: false,
  imageKit: undefined,
  r2: undefined,
  downloads,
  offer: basicConfig().offer,
  secrets: [],
  notices: [],
  origin: ENVIRONMENT_ONLY,
});

Deno.test("the downloads worker serves a link with the rights of its row alone", async () => {
  await using started = new Started();
  started.place.write("a.txt", "hello");
  started.place.write("tree/b.txt", "b");
  const link = await started.link("a.txt");
  assert.equal((await ask(link.url)).text, "hello");
  const tree = await started.link("tree");
  assert.equal((await ask(tree.url)).text.slice(0, 2), "PK");
  const { statistics } = await started.service.report();
  assert.deepEqual(statistics, { total: 2, active: 0, used: 2, expired: 0 });
  assert.deepEqual(started.events.map(({ action }) => action).sort(), [
    "claimed",
    "claimed",
    "created",
    "created",
    "used",
    "used",
  ]);
});

Deno.test("the downloads worker reports failures with their codes", async () => {
  await using started = new Started();
  await assert.rejects(started.link("missing"), { code: "not_found" });
  await assert.rejects(started.link("/etc/passwd"), { code: "outside_directories" });
  await assert.rejects(started.service.revoke("0123456789abcdef"), { code: "not_found" });
});

Deno.test("the default port falls back to a free one, a configured one is an error", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  await using any = new Started({ port, portIsFixed: false });
  any.place.write("a.txt", "hello");
  const link = await any.link("a.txt");
  assert.notEqual(Number(new URL(link.url).port), port);
  assert.equal((await ask(link.url)).text, "hello");
  await using fixed = new Started({ port, portIsFixed: true });
  fixed.place.write("a.txt", "hello");
  const message = `Cannot listen on 127.0.0.1:${port} for download links: the port is in use`;
  await assert.rejects(fixed.link("a.txt"), { code: "configuration", message });
});

Deno.test("the listener opens with the first link, or at start when the API is on", async () => {
  const port = freePort();
  {
    await using later = new Started({ port });
    await later.service.report();
    await assert.rejects(
      Deno.connect({ hostname: "127.0.0.1", port }),
      Deno.errors.ConnectionRefused,
    );
  }
  await using now = new Started({ port, apiKey: API_KEY });
  await now.service.report();
  await until("a listener", () => listens(port));
});

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("links name BASE_URL when it is set", async () => {
  await using started = new Started({ baseUrl: "https://files.example/links/" });
  started.place.write("a.txt", "hello");
  const { url } = await started.link("a.txt");
  assert.match(url, /^https:\/\/files\.example\/links\/api\/download\/[\w-]{43}$/);
});

peerTest({
  name: "a link is https when there is a certificate, and a silent client is cut off",
  peer: OPENSSL,
  async fn() {
    await using test = new TestHub();
    const tls = { certPath: test.outside("cert.pem"), keyPath: test.outside("key.pem") };
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    const use = ["-addext", "basicConstraints=critical,CA:FALSE"];
    const files = ["-keyout", tls.keyPath, "-out", tls.certPath];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    await outputOf("openssl", "req", "-x509", ...kind, ...subject, ...use, ...files);
    await using started = new Started({ tls });
    started.place.write("a.txt", "hello");
    const link = await started.link("a.txt");
    assert.equal(new URL(link.url).protocol, "https:");
    using client = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(tls.certPath)] });
    const response = await fetch(link.url, { client });
    assert.equal(await response.text(), "hello");
    assert.match(response.headers.get("set-cookie") ?? "", /; Secure; /);
    await using own = new TestHub({ downloads: { tls }, limits: { headersMs: 10_000 } });
    own.write("a.txt", "hello");
    await using silent = await RawClient.connect((await own.link("a.txt")).url);
    await until("two timers", () => own.clock.waiting >= 2);
    own.clock.advance(10_000);
    assert.equal(await silent.rest(), "");
  },
});

peerTest({
  name: "a stranger with the same port number cannot have a TLS client cut off",
  peer: OPENSSL,
  async fn() {
    await using test = new TestHub();
    const tls = { certPath: test.outside("cert.pem"), keyPath: test.outside("key.pem") };
    const files = ["-keyout", tls.keyPath, "-out", tls.certPath, "-subj", "/CN=localhost"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    await outputOf("openssl", "req", "-x509", ...kind, ...files);
    await using own = new TestHub({ downloads: { tls, host: "0.0.0.0" } });
    own.write("a.txt", "hello");
    await own.link("a.txt");
    const port = own.hub.port;
    const client = connectTcp({ host: "127.0.0.1", port, localAddress: "127.0.0.1" });
    await once(client, "connect");
    const { localPort } = client;
    const same = { host: "127.0.0.1", port, localAddress: "127.0.0.2", localPort };
    const stranger = connectTcp(same);
    await once(stranger, "connect");
    await until("three timers", () => own.clock.waiting >= 3);
    const secure = connectTls({ socket: client, rejectUnauthorized: false });
    const cutOff = once(secure, "close");
    let text = "";
    secure.on("data", (bytes) => text += bytes);
    // An answer may come in several parts.
    const answered = (count: number) =>
      until(
        `${count} answers`,
        () => secure.destroyed || text.split(/^HTTP\/1\.1 404 /m).length > count,
      );
    await once(secure, "secureConnect");
    const gone = once(stranger, "close");
    // The end of the handshake there is known when the server has answered.
    secure.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await answered(1);
    own.clock.advance(10_000);
    secure.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await answered(2);
    assert.equal(secure.destroyed, false, text);
    await gone;
    secure.destroy();
    await cutOff;
  },
});

Deno.test("a certificate that cannot be used is reported", async () => {
  await using test = new TestHub();
  const tls = { certPath: test.write("cert.pem", "no"), keyPath: test.write("key.pem", "no") };
  await using started = new Started({ tls });
  started.place.write("a.txt", "hello");
  await assert.rejects(started.link("a.txt"), { code: "configuration" });
});
