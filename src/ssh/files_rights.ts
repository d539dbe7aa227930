import { RemoteExecError } from "../errors.ts";
import type { FilesPort, FilesRights } from "./files_port.ts";
import type { Endpoint } from "./port.ts";

/**
 * The port with every call outside the rights refused, so that a worker whose libraries were hijacked
 * gets no further on the host than its work takes it.
 */
export function restricted(port: FilesPort, rights: FilesRights): FilesPort {
  const check = (endpoint: Endpoint) => {
    if (!mayUse(endpoint, rights)) throw notGranted(`files of the kind ${endpoint.kind}`);
  };
  return {
    async stat(endpoint, signal) {
      check(endpoint);
      return await port.stat(endpoint, signal);
    },
    async tree(endpoint, limits, signal) {
      check(endpoint);
      return await port.tree(endpoint, limits, signal);
    },
    async read(endpoint, range, signal) {
      check(endpoint);
      return await port.read(endpoint, range, signal);
    },
    async readTree(endpoint, signal) {
      check(endpoint);
      return await port.readTree(endpoint, signal);
    },
    async sha256(endpoint, signal) {
      check(endpoint);
      return await port.sha256(endpoint, signal);
    },
    async write(request, stream, signal) {
      check(request.to);
      if (!rights.write) throw notGranted("writing");
      return await port.write(request, stream, signal);
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
