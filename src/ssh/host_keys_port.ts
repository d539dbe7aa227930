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
