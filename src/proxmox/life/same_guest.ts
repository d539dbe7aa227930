import { type Guest, KINDS, programOf } from "../guests/guest.ts";

/** What {@linkcode onlyIfSame} prints instead of the output of the command. */
export const NOT_SAME = "mcp-remote-exec: the guest is not the one that was checked";

/**
 * Shell text that puts the configuration of a guest into `text` and its checksum into `sum`. The file has what
 * Proxmox VE's own digest covers, the snapshots too.
 *
 * Source: pve-container src/PVE/LXC/Config.pm, qemu-server src/PVE/QemuServer.pm, `digest => sha1_hex($raw)`.
 */
const readSum = (guest: Guest): string => {
  const { apiType } = KINDS[guest.kind];
  const folder = apiType === "lxc" ? "lxc" : "qemu-server";
  return [
    `text=$(env ${programOf(guest)} config ${guest.id}) || exit`,
    `sum=$({ printf '%s\\n' "$text"; cat /etc/pve/${folder}/${guest.id}.conf 2>/dev/null; } | sha256sum)`,
    "sum=${sum%% *}",
  ].join("\n");
};

/** Returns the words that print the checksum of a guest's configuration, then the configuration. */
export const checkedConfig = (guest: Guest): ["sh", "-c", string] => [
  "sh",
  "-c",
  `${readSum(guest)}\nprintf '%s\\n' "$sum" "$text"`,
];

/** Returns shell text that ends the shell unless the configuration of a guest still has the checksum. */
export const onlyIfSame = (guest: Guest, sum: string): string =>
  `sum=$(${readSum(guest)}\nprintf %s "$sum")\n` +
  `[ "$sum" = '${sum}' ] || { printf '%s\\n' '${NOT_SAME}' >&2; exit 1; }`;
