import type { ToolContext } from "../../mcp/tool.ts";
import { outputOf, type ProxmoxHost } from "../host.ts";
import { type ConfiguredNetwork, parseAddresses, parseNetworks } from "../parsers/network.ts";
import { errorOfPart } from "../problem.ts";

const ACTION = "Reading the networks";
const PATH = "/nodes/localhost/network";
const ADDRESSES = ["ip", "-json", "address", "show"] as const;

/** An interface and what it has now. */
export interface Network extends ConfiguredNetwork {
  /** With prefix length; those of DHCP included. Undefined if they could not be read. */
  readonly addresses?: readonly string[];
}

/** The networks of a node. */
export interface NetworkList {
  readonly networks: readonly Network[];
  /** Why something is missing. */
  readonly warnings: readonly string[];
}

/** Reads the networks of the node that HOST names. Nothing here changes one. */
export class Networks {
  readonly #host: ProxmoxHost;

  constructor(host: ProxmoxHost) {
    this.#host = host;
  }

  /**
   * Lists interfaces, bridges, bonds, VLANs and the virtual networks of the cluster (SDN). The three
   * commands run at the same time.
   *
   * @throws RemoteExecError if the configuration cannot be read
   */
  async list({ signal }: ToolContext): Promise<NetworkList> {
    const call = { signal, progress: undefined, action: ACTION };
    const get = (...options: string[]) => this.#host.get(PATH, options, call);
    const [configured, bridges, live] = await Promise.allSettled([
      get().then((answer) => parseNetworks(outputOf(answer, ACTION))),
      // Virtual networks are in the list of bridges only.
      get("--type", "any_bridge").then((answer) => parseNetworks(outputOf(answer, ACTION))),
      this.#host.run(ADDRESSES, call).then((answer) => parseAddresses(outputOf(answer, ACTION))),
    ]);
    if (configured.status === "rejected") throw configured.reason;
    const virtual = valueOf(bridges)?.filter(({ type }) => type === "vnet") ?? [];
    const addresses = valueOf(live);
    return {
      networks: [...configured.value, ...virtual].map((network) => ({
        ...network,
        ...(addresses === undefined ? {} : { addresses: addresses.get(network.name) ?? [] }),
      })),
      warnings: [
        ...warningOf(bridges, "The virtual networks of the cluster are missing"),
        ...warningOf(live, "The addresses in use are missing"),
      ],
    };
  }
}

const valueOf = <T>(look: PromiseSettledResult<T>): T | undefined =>
  look.status === "fulfilled" ? look.value : undefined;

/** @throws the error if it concerns the call itself */
const warningOf = (look: PromiseSettledResult<unknown>, what: string): string[] =>
  look.status === "fulfilled" ? [] : [`${what}: ${errorOfPart(look.reason).message}`];
