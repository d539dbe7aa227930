import { RemoteExecError } from "../../../errors.ts";
import {
  anEndpoint,
  aRange,
  aSignal,
  aStream,
  treeLimits,
  writeRequest,
} from "./files_arguments.ts";
import type { FilesPort, FilesRights } from "../../files_port.ts";
import type { Endpoint } from "../../port.ts";

/**
 * The port with every call outside the rights refused, so that a worker whose libraries were hijacked
 * gets no further on the host than its work takes it. Every argument is made anew from what it must be:
 * numbers become parts of a shell's line further on.
 */
export function restricted(port: FilesPort, rights: FilesRights): FilesPort {
  const granted = (given: unknown): Endpoint => {
    const endpoint = anEndpoint(given);
    if (mayUse(endpoint, rights)) return endpoint;
    throw notGranted(`files of the kind ${endpoint.kind}`);
  };
  return {
    stat: async (endpoint, signal) => await port.stat(granted(endpoint), aSignal(signal)),
    tree: async (endpoint, limits, signal) =>
      await port.tree(granted(endpoint), treeLimits(limits), aSignal(signal)),
    read: async (endpoint, range, signal) =>
      await port.read(granted(endpoint), aRange(range), aSignal(signal)),
    readTree: async (endpoint, signal) => await port.readTree(granted(endpoint), aSignal(signal)),
    sha256: async (endpoint, signal) => await port.sha256(granted(endpoint), aSignal(signal)),
    async write(request, stream, signal) {
      const checked = writeRequest(request);
      const to = granted(checked.to);
      if (!rights.write) throw notGranted("writing");
      return await port.write({ ...checked, to }, aStream(stream), aSignal(signal));
    },
  };
}

function mayUse(endpoint: Endpoint, { kinds, shellPrefix }: FilesRights): boolean {
  if (!kinds.includes(endpoint.kind)) return false;
  if (endpoint.kind !== "shell") return true;
  const [before, after, more] = shellPrefix?.split("#") ?? [];
  if (before === undefined || after === undefined || more !== undefined) return false;
  const { prefix } = endpoint;
  if (!prefix.startsWith(before) || !prefix.endsWith(after)) return false;
  return /^\d{1,9}$/.test(prefix.slice(before.length, prefix.length - after.length));
}

const notGranted = (what: string) =>
  new RemoteExecError(
    "not_permitted",
    `This module of the server has no right to ${what} on the host`,
    "Report this defect",
  );
