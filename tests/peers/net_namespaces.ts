import { run } from "./account.ts";
import { type Peer, peer, type PeerTest, peerTest, ROOT, skipTest } from "./require.ts";

/** What network namespaces need. */
const NAMESPACES: readonly Peer[] = [ROOT, peer("ip", "/usr/sbin/ip", "iproute2")];

/** Registers a test that makes network namespaces. It is skipped where root may not: in many containers. */
export async function namespaceTest(test: PeerTest): Promise<void> {
  const needed = [...NAMESPACES, ...[test.peer].flat()];
  const isForbidden = NAMESPACES.every(({ installed }) => installed) && !await mayMakeNamespaces();
  if (isForbidden) skipTest(test, "network namespaces (ip netns)");
  else peerTest({ ...test, peer: needed });
}

const mayMakeNamespaces = (): Promise<boolean> =>
  makeNamespaces([{}]).then(
    (made) => made[Symbol.asyncDispose]().then(() => true),
    () => false,
  );

/** A network namespace and its addresses. */
export interface Namespace {
  readonly name: string;
  /** Its IPv4 address towards the namespace before it. */
  readonly address: string;
  /** Its IPv6 address towards the namespace before it. */
  readonly address6: string;
}

/** Where a namespace is, and what it has. */
export interface NamespacePlan {
  /** Place of the namespace that alone reaches it; without one, this machine does. */
  readonly behind?: number;
  /** It has no IPv4 address; the namespaces behind it cannot have one either. */
  readonly onlyIpv6?: boolean;
}

/** Namespaces, each of which reaches only its neighbors. */
export interface Namespaces extends AsyncDisposable {
  readonly list: readonly Namespace[];
}

const ip = (...args: readonly string[]) => run("/usr/sbin/ip", args);

/** Creates namespaces, each behind an earlier one. Close them, because they outlive the process. */
export async function makeNamespaces(plans: readonly NamespacePlan[]): Promise<Namespaces> {
  const id = crypto.getRandomValues(new Uint8Array(3)).toHex();
  // A range for tests of networks (RFC 2544), of which a run takes one part at random.
  const part = `198.${18 + parseInt(id.slice(0, 2), 16) % 2}.${parseInt(id.slice(2, 4), 16)}`;
  const base = parseInt(id.slice(4), 16) % 60 * 4;
  // As OpenSSH prints it: without leading zeros.
  const part6 = (parseInt(id.slice(0, 4), 16) | 1).toString(16);
  const list = plans.map((_plan, index) => ({
    name: `mre${id}n${index}`,
    address: `${part}.${base + index * 4 + 2}`,
    address6: `fd4d:5245:${part6}:${index}::2`,
  }));
  const remove = async () => {
    for (const { name } of list) await ip("netns", "del", name).catch(() => {});
  };
  try {
    for (const [index, { name, address, address6 }] of list.entries()) {
      const { behind, onlyIpv6 = false } = plans[index] ?? {};
      await ip("netns", "add", name);
      await ip("-n", name, "link", "set", "lo", "up");
      const before = behind === undefined ? undefined : list[behind]?.name;
      const here = before === undefined ? [] : ["-n", before];
      const [near, far] = [`m${id}${index}a`, `m${id}${index}b`];
      await ip(...here, "link", "add", near, "type", "veth", "peer", "name", far, "netns", name);
      const ends = [[here, near, 1], [["-n", name], far, 2]] as const;
      for (const [where, device, last] of ends) {
        const own = address.replace(/\d+$/, String(base + index * 4 + last));
        if (!onlyIpv6) await ip(...where, "addr", "add", `${own}/30`, "dev", device);
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
  return { list, [Symbol.asyncDispose]: remove };
}
