import { createHash } from "node:crypto";
import { internalError } from "../errors.ts";

/** A line of known_hosts that names the host. */
export interface KnownKey {
  readonly keyType: string;
  readonly fingerprint: string;
  /** `FILE:LINE` */
  readonly place: string;
  readonly file: string;
}

/** A key that a host offers, and what known_hosts says about it. */
export interface OfferedKey {
  readonly keyType: string;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  readonly base64: string;
  /** `new`: known_hosts has no key of this type, and either no other key of the host or one that it offers. */
  readonly standing: "known" | "new" | "changed" | "revoked";
  /** The lines that confirm, contradict or revoke it. */
  readonly lines: readonly KnownKey[];
}

/** The keys of one host on the way, the host itself included. */
export interface OfferedKeys {
  /** The host's name in known_hosts, with its port unless that is 22. */
  readonly name: string;
  readonly keys: readonly OfferedKey[];
}

/** What `trust` asks the ssh worker. */
export interface HostKeysPort {
  /**
   * Returns the keys of all types that a host offers. It does not log in there, but at the jump hosts before it.
   *
   * @param hop 0 for the first jump host; the number of jump hosts for the host itself
   * @throws RemoteExecError what connecting throws
   */
  offeredKeys(hop: number): Promise<OfferedKeys>;
}

/**
 * Returns what a worker has answered, if it can be written into known_hosts: the worker talks to the host, so main
 * trusts neither the fingerprints nor the form of the keys.
 *
 * @throws RemoteExecError `internal`
 */
export function checkedKeys(offered: OfferedKeys): OfferedKeys {
  const isSound = /^[^\s,|*?!@#"'\\]{1,300}$/.test(offered.name) &&
    offered.keys.every(({ keyType, base64, fingerprint }) =>
      /^[a-z0-9@.-]{1,64}$/i.test(keyType) && /^[A-Za-z0-9+/]+=*$/.test(base64) &&
      fingerprint === fingerprintOf(base64)
    );
  if (!isSound) {
    throw internalError("the ssh worker answered keys that do not agree with themselves");
  }
  return offered;
}

const fingerprintOf = (base64: string): string => {
  const key = Uint8Array.fromBase64(base64);
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
};
