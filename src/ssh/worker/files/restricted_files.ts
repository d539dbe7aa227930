import { RemoteExecError } from "../../../errors.ts";
import type { ByteRange, FilesPort, TreeLimits, WriteRequest } from "../../files_port.ts";
import type { Endpoint, FilesGrant } from "../../port.ts";

const MAX_ENTRIES = 1_000_000;
const MAX_MODE = 0o7777;

/**
 * Wraps a port so that it refuses every call outside the grant. A worker with a compromised library then
 * reaches only what its own task needs. All arguments are validated and rebuilt, because another isolate
 * may send anything and some of them become part of a shell command.
 */
export function restricted(port: FilesPort, grant: FilesGrant): FilesPort {
  const granted = (given: unknown): Endpoint => {
    const endpoint = parseEndpoint(given);
    if (mayUse(endpoint, grant)) return endpoint;
    throw notGranted(`for ${endpoint.kind} files`);
  };
  return {
    stat: async (endpoint, signal) => await port.stat(granted(endpoint), requireSignal(signal)),
    tree: async (endpoint, limits, signal) =>
      await port.tree(granted(endpoint), parseTreeLimits(limits), requireSignal(signal)),
    read: async (endpoint, range, signal) =>
      await port.read(granted(endpoint), parseRange(range), requireSignal(signal)),
    readTree: async (endpoint, signal) =>
      await port.readTree(granted(endpoint), requireSignal(signal)),
    sha256: async (endpoint, signal) => await port.sha256(granted(endpoint), requireSignal(signal)),
    hostSha256: async (endpoint, signal) =>
      await port.hostSha256(granted(endpoint), requireSignal(signal)),
    async write(request, stream, signal) {
      const checked = parseWriteRequest(request);
      const to = granted(checked.to);
      if (!grant.write) throw notGranted("to write files");
      return await port.write({ ...checked, to }, requireStream(stream), requireSignal(signal));
    },
  };
}

function mayUse(endpoint: Endpoint, { kinds, shellPrefix }: FilesGrant): boolean {
  if (!kinds.includes(endpoint.kind)) return false;
  if (endpoint.kind !== "shell") return true;
  const [before, after, more] = shellPrefix?.split("<number>") ?? [];
  if (before === undefined || after === undefined || more !== undefined) return false;
  const { prefix } = endpoint;
  if (!prefix.startsWith(before) || !prefix.endsWith(after)) return false;
  return /^\d{1,9}$/.test(prefix.slice(before.length, prefix.length - after.length));
}

const notGranted = (what: string) =>
  new RemoteExecError(
    "not_permitted",
    `This module of the server has no permission ${what}`,
    "Report this defect",
  );

function parseEndpoint(given: unknown): Endpoint {
  const { kind, path, prefix, label } = fields(given);
  switch (kind) {
    case "local":
    case "host":
      return { kind, path: text(path) };
    case "shell":
      return { kind, path: text(path), prefix: text(prefix), label: text(label) };
    default:
      throw malformed();
  }
}

function parseTreeLimits(given: unknown): TreeLimits {
  const { maxEntries, maxBytes } = fields(given);
  return { maxEntries: integer(maxEntries, MAX_ENTRIES), maxBytes: integer(maxBytes) };
}

function parseRange(given: unknown): ByteRange | undefined {
  if (given === undefined) return undefined;
  const { start, end } = fields(given);
  return end === undefined
    ? { start: integer(start) }
    : { start: integer(start), end: integer(end) };
}

function parseWriteRequest(given: unknown): WriteRequest {
  const { to, maxBytes, overwrite, mode, size, sha256 } = fields(given);
  if (typeof overwrite !== "boolean") throw malformed();
  return {
    to: parseEndpoint(to),
    maxBytes: integer(maxBytes),
    overwrite,
    ...(mode === undefined ? {} : { mode: integer(mode, MAX_MODE) }),
    ...(size === undefined ? {} : { size: integer(size) }),
    ...(sha256 === undefined ? {} : { sha256: hash(sha256) }),
  };
}

function requireSignal(given: unknown): AbortSignal {
  if (given instanceof AbortSignal) return given;
  throw malformed();
}

function requireStream(given: unknown): ReadableStream<Uint8Array> {
  if (given instanceof ReadableStream) return given;
  throw malformed();
}

function fields(given: unknown): Readonly<Record<string, unknown>> {
  if (typeof given === "object" && given !== null) return { ...given };
  throw malformed();
}

function text(given: unknown): string {
  if (typeof given === "string") return given;
  throw malformed();
}

function integer(given: unknown, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(given) && Number(given) >= 0 && Number(given) <= max) {
    return Number(given);
  }
  throw malformed();
}

function hash(given: unknown): string {
  if (typeof given === "string" && /^[0-9a-f]{64}$/.test(given)) return given;
  throw malformed();
}

const malformed = () =>
  new RemoteExecError(
    "internal",
    "A module of the server sent a malformed file request",
    "Report this defect",
  );
