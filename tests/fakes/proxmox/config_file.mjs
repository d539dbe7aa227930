/** The text of guest configurations: the file under /etc/pve and what `config` prints. */

/**
 * `key: value` lines sorted by key, raw `lxc.*` lines last.
 * Source: pve-container 94f5585 src/PVE/CLI/pct.pm:1073-1094.
 */
export function formatConfig(values) {
  const keys = Object.keys(values).sort();
  const lines = [
    ...keys.filter((key) => !key.startsWith("lxc.")),
    ...keys.filter((key) => key.startsWith("lxc.")),
  ].map((key) => `${key}: ${key === "description" ? encodeText(values[key]) : values[key]}\n`);
  return lines.join("");
}

/** URI-encoded, blanks kept, with the newline that the file's `#` lines give every description. */
const encodeText = (text) =>
  `${text}${text.endsWith("\n") ? "" : "\n"}`.replace(/[^ -~]|[%:]/gu, encodeURIComponent);

/** Source: pve-container 94f5585 src/PVE/LXC/Config.pm:1126-1299. */
export function formatConfigFile(guest) {
  let text = formatSection(shownConfig(guest, { pending: false }));
  if (Object.keys(guest.pending ?? {}).length > 0) {
    text += `\n[pve:pending]\n${formatSection(guest.pending)}`;
  }
  for (const snapshot of guest.snapshots) {
    text += `\n[${snapshot.name}]\n${formatSection(snapshotConfig(snapshot))}`;
  }
  return text;
}

/**
 * What `pending` prints. Source: pve-guest-common 4a8f6cb src/PVE/GuestHelpers.pm:192-216.
 */
export function formatPending(guest) {
  const current = shownConfig(guest, { pending: false });
  const { pending = {} } = guest;
  return [...new Set([...Object.keys(current), ...Object.keys(pending)])].sort().map((key) => {
    const line = (word, value) =>
      `${word} ${key}: ${key === "description" ? encodeText(value) : value}\n`;
    return (key in current ? line("cur", current[key]) : "") +
      (key in pending ? line("new", pending[key]) : "");
  }).join("");
}

function formatSection({ description, ...values }) {
  const lines = description === undefined
    ? ""
    : `${description}`.replace(/\n$/, "").split("\n").map((line) => `#${line}\n`).join("");
  return lines + formatConfig(values);
}

/** Returns the configuration with values of the guest's state; pending values win by default. */
export function shownConfig(guest, { pending = true } = {}) {
  return {
    ...guest.config,
    ...(pending ? guest.pending : {}),
    ...(guest.lock ? { lock: guest.lock } : {}),
    ...(guest.parent ? { parent: guest.parent } : {}),
    ...(guest.template ? { template: 1 } : {}),
  };
}

export const snapshotConfig = (snapshot) => ({
  ...snapshot.config,
  ...(snapshot.description ? { description: snapshot.description } : {}),
  ...(snapshot.parent ? { parent: snapshot.parent } : {}),
  ...(snapshot.state ? { snapstate: snapshot.state } : {}),
  ...(snapshot.vmstate ? { vmstate: snapshot.vmstate } : {}),
  snaptime: snapshot.time,
});
