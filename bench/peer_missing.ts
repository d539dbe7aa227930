import type { Peer } from "../tests/peers/require.ts";

/** A program to compare with is not installed; the rows that need it are left out. */
export class PeerMissing extends Error {}

/** @throws PeerMissing unless all are installed */
export function requirePeers(...peers: readonly Peer[]): void {
  for (const { name, debianPackage, installed } of peers) {
    if (!installed) throw new PeerMissing(`${name} (${debianPackage})`);
  }
}
