import { createHmac, randomBytes } from "node:crypto";
import type { OfferedKey } from "../../ssh/host_keys_port.ts";

/**
 * Adds keys to the text of a known_hosts file. If the file has hashed names, the new ones are hashed too.
 *
 * Source: sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT".
 *
 * @param name the host's name in the file
 */
export function withKeys(
  text: string,
  name: string,
  keys: readonly Pick<OfferedKey, "keyType" | "base64">[],
): string {
  const isHashed = /^\s*(@\S+\s+)?\|1\|/m.test(text);
  const end = text === "" || text.endsWith("\n") ? "" : "\n";
  const lines = keys.map(({ keyType, base64 }) =>
    `${isHashed ? hashed(name) : name} ${keyType} ${base64}\n`
  );
  return `${text}${end}${lines.join("")}`;
}

function hashed(name: string): string {
  const salt = randomBytes(20);
  const hash = createHmac("sha1", salt).update(name).digest("base64");
  return `|1|${salt.toString("base64")}|${hash}`;
}
