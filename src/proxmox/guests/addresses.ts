import * as z from "zod";
import type { ToolContext } from "../../mcp/tool.ts";
import type { ProxmoxHost } from "../host.ts";
import { readJsonOutput } from "../parsers/json_output.ts";
import type { Guest } from "./guest.ts";

/** Programs that ask at the same time; each of `qm` takes about 80 MB. */
const AT_ONCE = 8;
/** A guest that does not answer is left out. `qm guest cmd` waits three seconds for an agent. */
const EACH_S = 10;

/**
 * Shell text that prints a line `=ID ADDRESS` for each address of the containers whose IDs are on stdin.
 *
 * Source: lxc e7b855a src/lxc/tools/lxc_info.c:430-480: one address a line, those of `lo` and link-local ones left
 * out. Lines of less than 4 KiB do not mix in a pipe.
 */
const OF_CONTAINERS = `xargs -r -n 1 -P ${AT_ONCE} sh -c ` +
  `'timeout ${EACH_S} lxc-info -n "$1" -iH 2>/dev/null </dev/null | sed "s/^/=$1 /"' sh`;

/** The same for VMs: a line `=ID JSON`, with the JSON of the guest agent on one line. */
const OF_VMS = `xargs -r -n 1 -P ${AT_ONCE} sh -c ` +
  `'timeout ${EACH_S} qm guest cmd "$1" network-get-interfaces 2>/dev/null </dev/null | ` +
  `tr -d "\\n" | sed "s/^/=$1 /;s/$/\\n/"' sh`;

/**
 * Lists the containers and then their addresses, with one command. `pct` itself does not know them.
 * Its failure is that of the command.
 */
export const LIST_CONTAINERS = `list=$(env pct list) || exit; printf '%s\\n' "$list"; ` +
  `printf '%s\\n' "$list" | while read -r id status rest; do ` +
  `[ "$status" != running ] || printf '%s\\n' "$id"; done | ${OF_CONTAINERS}`;

/** Lists the VMs and then the addresses of those that run and have a guest agent. */
export const LIST_VMS = `list=$(env qm list) || exit; printf '%s\\n' "$list"; ` +
  `printf '%s\\n' "$list" | sed -n 's/^ *\\([0-9]*\\) .* running  .*/\\1/p' | ${OF_VMS}`;

const agentLink = z.object({
  name: z.string(),
  "ip-addresses": z.array(z.object({ "ip-address": z.string() })).catch([]),
});

/** Adds to each row of a list the addresses that follow the list. */
export function withAddresses<Row extends { readonly addresses?: readonly string[] }>(
  rows: readonly Row[],
  idOf: (row: Row) => number,
  stdout: string,
): Row[] {
  const found = parseGuestAddresses(stdout);
  return rows.map((row) => {
    const addresses = found.get(idOf(row)) ?? [];
    return addresses.length === 0 ? row : { ...row, addresses };
  });
}

/** Parses the lines `=ID ADDRESS` and `=ID JSON` of the commands above into the addresses by guest. */
export function parseGuestAddresses(stdout: string): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>();
  for (const line of stdout.split("\n")) {
    const [, id, value = ""] = /^=(\d{3,9}) (.+)$/.exec(line) ?? [];
    if (id === undefined) continue;
    const known = found.get(Number(id)) ?? [];
    found.set(Number(id), [...known, ...addressesIn(value)]);
  }
  return found;
}

const addressesIn = (value: string): string[] =>
  value.startsWith("[") ? parseAgentAddresses(value) : ADDRESS.test(value) ? [value] : [];

const ADDRESS = /^[0-9A-Fa-f.:]+$/;

/** Parses `qm guest cmd ID network-get-interfaces`; the addresses of `lo` and link-local ones are left out. */
function parseAgentAddresses(stdout: string): string[] {
  for (const values of readJsonOutput(stdout)) {
    for (const value of values) {
      const links = z.array(agentLink).safeParse(value);
      if (!links.success) continue;
      return links.data.filter(({ name }) => name !== "lo")
        .flatMap((link) => link["ip-addresses"].map((each) => each["ip-address"]))
        .filter((address) => ADDRESS.test(address) && !/^(?:127\.|::1$|fe80:)/i.test(address));
    }
  }
  return [];
}

/** Reads the addresses that guests have now. */
export class GuestAddresses {
  readonly #host: ProxmoxHost;

  constructor(host: ProxmoxHost) {
    this.#host = host;
  }

  /** Returns the addresses of a running guest; none also if the guest has no agent or cannot be asked. */
  async of(guest: Guest, { signal }: ToolContext): Promise<readonly string[]> {
    const script = `printf '%s\\n' ${guest.id} | ${guest.kind === "vm" ? OF_VMS : OF_CONTAINERS}`;
    const { stdout } = await this.#host.run(["sh", "-c", script], {
      signal,
      progress: undefined,
      action: "Reading the addresses",
    });
    return parseGuestAddresses(stdout).get(guest.id) ?? [];
  }
}
