/// <reference lib="deno.worker" />
import { delay } from "../../async/delay.ts";
import { loadedOnce } from "../../async/loaded_once.ts";
import { internalError } from "../../errors.ts";
import { createLateLogger } from "../../log.ts";
import { expose, surviveDefects } from "../../rpc/expose.ts";
import { releaseMemory } from "../../sandbox/release_memory.ts";
import type { HostCopiesPort } from "../hosts/port.ts";
import type { HostMemoryPort } from "../host_memory.ts";
import type { HostKeysPort } from "../host_keys_port.ts";
import type { SshPort, SshSettings } from "../port.ts";
import type { TextPort } from "../text/port.ts";
import type { RemoteHost } from "./remote_host.ts";

const logger = createLateLogger();
let given: SshSettings | undefined;
let load: (() => Promise<RemoteHost>) | undefined;
/** True as soon as loading the SSH library has begun. */
let isLoaded = false;
const loaded = Promise.withResolvers<RemoteHost>();
/** The server has finished its start by then. */
const LOAD_AFTER_MS = 300;
/** Later than a short command: where many hosts take turns, that worker has ended by then. */
const RELEASE_AFTER_MS = 5_000;

const port: SshPort & TextPort & HostCopiesPort & HostMemoryPort & HostKeysPort = {
  configure(settings) {
    logger.configure(settings.logLevel, settings.secrets);
    given = settings;
    load = loadedOnce(async () => {
      isLoaded = true;
      await prepare();
      const { RemoteHost } = await import("./remote_host.ts");
      const host = new RemoteHost(settings, logger);
      loaded.resolve(host);
      return host;
    });
    // The SSH library is large, so it loads on the first call, or when the server has started.
    delay(LOAD_AFTER_MS).then(configured)
      .catch((error) => logger.error("the SSH module could not be loaded", error));
    return Promise.resolve();
  },
  async exec(request, signal, progress) {
    const host = await configured();
    const outcome = await host.exec(request, signal, progress);
    host.jobs.sweepLater(() => host.isLoginFree);
    return outcome;
  },
  copy: async (request, signal, progress) =>
    await (await configured()).copy(request, signal, progress),
  copyDirectory: async (request, signal, progress) =>
    await (await configured()).directories.copy(request, signal, progress),
  stat: async (endpoint, signal) => await (await configured()).stat(endpoint, signal),
  readKept: async (read) => (await configured()).kept.read(read),
  readPage: async (request, signal) => await (await configured()).text.readPage(request, signal),
  readContent: async (from, maxBytes, signal) =>
    await (await configured()).text.readContent(from, maxBytes, signal),
  writeContent: async (request, signal, progress) =>
    await (await configured()).text.writeContent(request, signal, progress),
  listEntries: async (request, signal) =>
    await (await configured()).text.listEntries(request, signal),
  serveFiles(end, grant) {
    // Calls that arrive before the library is loaded wait in the port.
    loaded.promise.then(async (host) => {
      const { createFilesServer } = await import("./files/files_server.ts");
      expose(createFilesServer(host, grant), logger, end);
    }).catch((error) => logger.error("remote files could not be offered", error));
    return Promise.resolve();
  },
  async startJob(request, signal) {
    const host = await configured();
    const started = await host.jobs.start(request, signal);
    host.jobs.sweepLater(() => host.isLoginFree);
    return started;
  },
  readJob: async (read, signal) => await (await configured()).jobs.read(read, signal),
  listJobs: async (signal) => await (await configured()).jobs.list(signal),
  stopJob: async (id, signal) => await (await configured()).jobs.stop(id, signal),
  async sendFile(path, maxBytes, signal) {
    const { sendFile } = await import("./files/between_hosts.ts");
    const report = (defect: unknown) => logger.error("defect in a stream", defect);
    return await sendFile(await configured(), path, maxBytes, signal, report);
  },
  async receiveFile(end, request, signal, progress) {
    const { receiveFile } = await import("./files/between_hosts.ts");
    return await receiveFile(await configured(), end, request, signal, progress);
  },
  memory: async () => (await configured()).memory,
  diagnose: async () => await (await configured()).diagnose(),
  async offeredKeys(hop) {
    const { ssh, limits } = given ?? notConfigured();
    await prepare();
    const { offeredKeys } = await import("./trust/offered_keys.ts");
    return await offeredKeys(ssh, hop, limits.timeoutMs, logger);
  },
  async close(limitMs) {
    for (const each of calls) each.cancelAll();
    if (isLoaded) await (await configured()).close(limitMs);
  },
};

/**
 * Confines this worker and patches `node:crypto`. Call it before ssh2 is loaded. The modules take 30 ms to load, so
 * they are not loaded at the start.
 */
async function prepare(): Promise<void> {
  const { confine } = await import("../../sandbox/confine.ts");
  confine();
  await import("./connection/chacha20_patch.ts");
}

function configured(): Promise<RemoteHost> {
  return (load ?? notConfigured())();
}

function notConfigured(): never {
  throw internalError("the worker was called before it was configured");
}

surviveDefects(logger);
const calls = [expose(port, logger)];
// With several hosts, this worker's parent is the launcher: its first and only message is a port to main.
globalThis.addEventListener("message", ({ data }) => {
  if (!(data instanceof MessagePort)) return;
  calls.push(expose(port, logger, data));
  loaded.promise.then(() => delay(RELEASE_AFTER_MS)).then(releaseMemory)
    .catch((error) => logger.error("memory is not given back", error));
}, { once: true });
