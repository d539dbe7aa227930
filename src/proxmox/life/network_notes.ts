import type { ToolContext } from "../../mcp/tool.ts";
import { outputOf, type ProxmoxHost } from "../host.ts";
import { parseNetworks } from "../parsers/network.ts";
import { errorOfPart } from "../problem.ts";

/** Only for a warning: a slow node must not hold up the answer. */
const READ_MS = 10_000;

/** The network that a guest is given. */
interface GivenNetwork {
  /** `dhcp`, or an IPv4 address with its prefix length. */
  readonly ip: string;
  readonly gateway: string | undefined;
  readonly bridge: string;
  readonly vlan: number | undefined;
}

/**
 * Returns what is odd about a fixed address: a gateway outside its network, or another network than that of the
 * node on the same bridge. Proxmox VE notices neither. A VLAN has a network that the bridge does not show.
 *
 * @throws RemoteExecError only if the call itself ended
 */
export async function networkNotes(
  host: ProxmoxHost,
  { ip, gateway, bridge, vlan }: GivenNetwork,
  context: ToolContext,
): Promise<string[]> {
  if (ip === "dhcp") return [];
  const notes = gateway === undefined || isWithin(gateway, ip)
    ? []
    : [`The gateway ${gateway} is outside the network of ${ip}`];
  if (vlan !== undefined) return notes;
  const known = await networksOf(host, bridge, context);
  const [address = ""] = ip.split("/");
  return known.length === 0 || known.some((network) => isWithin(address, network)) ? notes : [
    ...notes,
    `${ip} is outside the network of the node on ${bridge} (${
      known.join(", ")
    }): check that it is meant`,
  ];
}

/** Returns the IPv4 addresses of the node on a bridge, with prefix length; none if they cannot be read. */
async function networksOf(
  host: ProxmoxHost,
  bridge: string,
  { signal }: ToolContext,
): Promise<readonly string[]> {
  const action = "Reading the networks";
  const call = { signal, progress: undefined, timeoutMs: READ_MS, action };
  try {
    const answer = await host.get("/nodes/localhost/network", [], call);
    const found = parseNetworks(outputOf(answer, action)).find(({ name }) => name === bridge);
    return (found?.configured ?? []).filter((each) => /^\d+(?:\.\d+){3}\/\d+$/.test(each));
  } catch (error) {
    errorOfPart(error);
    return [];
  }
}

function isWithin(address: string, network: string): boolean {
  const [base = "", length] = network.split("/");
  const size = 2 ** (32 - Number(length));
  return Math.floor(numberOf(address) / size) === Math.floor(numberOf(base) / size);
}

const numberOf = (address: string): number =>
  address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
