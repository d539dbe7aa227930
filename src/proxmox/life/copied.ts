import { type Guest, guestInText } from "../guests/guest.ts";

/**
 * Returns what a copy has in common with its origin that makes trouble when both run, or surprises later.
 *
 * Source: pve-container 94f5585 src/PVE/API2/LXC.pm:1885-2300; `post_clone_hook` clears the machine ID only.
 */
export function copiedNotes(
  origin: Guest,
  config: Readonly<Record<string, string>>,
  { clone }: { readonly clone: boolean },
): string[] {
  const from = guestInText(origin);
  const addresses = Object.entries(config).filter(([key]) => /^(?:net|ipconfig)\d+$/.test(key))
    .flatMap(([, value]) => /(?:^|,)ip=(\d[^,]*)/.exec(value)?.[1] ?? []);
  const isOn = (key: string) => config[key] === "1";
  return [
    ...addresses.map((address) =>
      `It has the fixed address ${address} of ${from}: change it before both run`
    ),
    ...(isOn("onboot") ? [`It starts on boot, like ${from}`] : []),
    ...(isOn("protection") ? [`Its protection is on, like that of ${from}`] : []),
    ...(clone && origin.kind === "container"
      ? [`Its SSH host keys and passwords are those of ${from}`]
      : []),
  ];
}
