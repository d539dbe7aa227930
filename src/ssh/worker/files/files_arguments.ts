import { RemoteExecError } from "../../../errors.ts";
import type { ByteRange, TreeLimits, WriteRequest } from "../../files_port.ts";
import type { Endpoint } from "../../port.ts";

/**
 * Arguments of the files port as they come from another isolate, which may send anything: each function
 * gives a new value of the type that it says, or throws RemoteExecError `internal`.
 */
const MOST_ENTRIES = 1_000_000;
const MOST_MODE = 0o7777;

export function anEndpoint(given: unknown): Endpoint {
  const { kind, path, prefix, label } = fields(given);
  switch (kind) {
    case "local":
    case "host":
      return { kind, path: text(path) };
    case "shell":
      return { kind, path: text(path), prefix: text(prefix), label: text(label) };
    default:
      throw unfit();
  }
}

export function treeLimits(given: unknown): TreeLimits {
  const { maxEntries, maxBytes } = fields(given);
  return { maxEntries: whole(maxEntries, MOST_ENTRIES), maxBytes: whole(maxBytes) };
}

export function aRange(given: unknown): ByteRange | undefined {
  if (given === undefined) return undefined;
  const { start, end } = fields(given);
  return end === undefined ? { start: whole(start) } : { start: whole(start), end: whole(end) };
}

export function writeRequest(given: unknown): WriteRequest {
  const { to, maxBytes, overwrite, mode, size, sha256 } = fields(given);
  if (typeof overwrite !== "boolean") throw unfit();
  return {
    to: anEndpoint(to),
    maxBytes: whole(maxBytes),
    overwrite,
    ...(mode === undefined ? {} : { mode: whole(mode, MOST_MODE) }),
    ...(size === undefined ? {} : { size: whole(size) }),
    ...(sha256 === undefined ? {} : { sha256: hash(sha256) }),
  };
}

export function aSignal(given: unknown): AbortSignal {
  if (given instanceof AbortSignal) return given;
  throw unfit();
}

export function aStream(given: unknown): ReadableStream<Uint8Array> {
  if (given instanceof ReadableStream) return given;
  throw unfit();
}

function fields(given: unknown): Readonly<Record<string, unknown>> {
  if (typeof given === "object" && given !== null) return { ...given };
  throw unfit();
}

function text(given: unknown): string {
  if (typeof given === "string") return given;
  throw unfit();
}

function whole(given: unknown, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(given) && Number(given) >= 0 && Number(given) <= most) {
    return Number(given);
  }
  throw unfit();
}

function hash(given: unknown): string {
  if (typeof given === "string" && /^[0-9a-f]{64}$/.test(given)) return given;
  throw unfit();
}

const unfit = () =>
  new RemoteExecError(
    "internal",
    "A module of the server has asked for files in a way that does not exist",
    "Report this defect",
  );
