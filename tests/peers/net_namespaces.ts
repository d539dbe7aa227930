import { run } from "./account.ts";
import { type Peer, peer, ROOT } from "./require.ts";

/** What network namespaces need. */
export const NAMESPACES: readonly Peer[] = [ROOT, peer("ip", "/usr/sbin/ip", "iproute2")];

/** A network namespace and its addresses. */
export interface Namespace {
  readonly name: string;
  /** Its IPv4 address towards the namespace before it. */
  readonly address: string;
  /** Its IPv6 address towards the namespace before it. */
  readonly address6: string;
}

/** Namespaces in a row: each reaches only its neighbors, and this machine only the first one. */
export interface NamespaceRow extends AsyncDisposable {
  readonly namespaces: readonly Namespace[];
}

const ip = (...args: readonly string[]) => run("/usr/sbin/ip", args);

/** Creates namespaces in a row, behind this machine's. Close the row, because it outlives the process. */
export async function makeNamespaceRow(count: number): Promise<NamespaceRow> {
  const id = crypto.getRandomValues(new Uint8Array(3)).toHex();
  // A range for tests of networks (RFC 2544), of which a run takes one part at random.
  const part = `198.${18 + parseInt(id.slice(0, 2), 16) % 2}.${parseInt(id.slice(2, 4), 16)}`;
  const base = parseInt(id.slice(4), 16) % 60 * 4;
  const namespaces = Array.from({ length: count }, (_, index) => ({
    name: `mre${id}n${index}`,
    address: `${part}.${base + index * 4 + 2}`,
    address6: `fd4d:5245:${id.slice(0, 4)}:${index}::2`,
  }));
  const remove = async () => {
    for (const { name } of namespaces) await ip("netns", "del", name).catch(() => {});
  };
  try {
    for (const [index, { name, address, address6 }] of namespaces.entries()) {
      await ip("netns", "add", name);
      await ip("-n", name, "link", "set", "lo", "up");
      const before = namespaces[index - 1]?.name;
      const here = before === undefined ? [] : ["-n", before];
      const [near, far] = [`m${id}${index}a`, `m${id}${index}b`];
      await ip(...here, "link", "add", near, "type", "veth", "peer", "name", far, "netns", name);
      const ends = [[here, near, 1], [["-n", name], far, 2]] as const;
      for (const [where, device, last] of ends) {
        const own = address.replace(/\d+$/, String(base + index * 4 + last));
        await ip(...where, "addr", "add", `${own}/30`, "dev", device);
        // Without "nodad" the address could not be used for a second.
        const own6 = `${address6.replace(/\d+$/, String(last))}/64`;
        await ip(...where, "-6", "addr", "add", own6, "dev", device, "nodad");
        await ip(...where, "link", "set", device, "up");
      }
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { namespaces, [Symbol.asyncDispose]: remove };
}
