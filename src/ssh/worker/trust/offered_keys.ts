import type { Socket } from "node:net";
import { waitingClock } from "../../../async/clock.ts";
import type { HostConfig, SshConfig } from "../../../config/config.ts";
import { internalError, RemoteExecError } from "../../../errors.ts";
import type { Logger } from "../../../log.ts";
import type { KnownKey, OfferedKey, OfferedKeys } from "../../host_keys_port.ts";
import { algorithms } from "../connection/algorithms.ts";
import { Dialer } from "../connection/dial.ts";
import { decideHostKey, fingerprint, keyPlace } from "./host_keys.ts";
import { entriesFor, keyTypeOf, type KnownHostEntry, knownHostsName } from "./known_hosts.ts";
import { Client } from "../ssh2.ts";

/** Each list asks for one type of key. */
const TYPES: readonly (readonly string[])[] = [
  ["ssh-ed25519"],
  ["ecdsa-sha2-nistp256"],
  ["ecdsa-sha2-nistp384"],
  ["ecdsa-sha2-nistp521"],
  ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
];

/** See {@linkcode HostKeysPort.offeredKeys}. */
export async function offeredKeys(
  ssh: SshConfig,
  hop: number,
  limitMs: number,
  logger: Logger,
): Promise<OfferedKeys> {
  const way = [...ssh.jumps ?? [], ssh];
  const host = way[hop];
  if (host === undefined) throw internalError(`there is no hop ${hop}`);
  const dialer = new Dialer({ ...host, jumps: way.slice(0, hop) }, logger);
  const keys: Uint8Array[] = [];
  // One after the other: a host may limit connections that do not log in.
  for (const types of TYPES) {
    const key = await keyOfType(dialer, host, types, limitMs);
    if (key !== undefined) keys.push(key);
  }
  if (keys.length === 0) {
    throw new RemoteExecError(
      "unsupported",
      `${host.alias ?? host.host} offers no host key of a type that this program knows`,
      "Give the host an Ed25519, ECDSA or RSA key (ssh-keygen -A)",
    );
  }
  return judge(host, keys, await dialer.knownHosts());
}

/**
 * Returns the key that the host presents and signs the handshake with; undefined if it has none of these types.
 */
async function keyOfType(
  dialer: Dialer,
  host: HostConfig,
  types: readonly string[],
  limitMs: number,
): Promise<Uint8Array | undefined> {
  const progress = dialer.progress();
  const socket = await dialer.reach(limitMs, progress);
  socket.on("data", (chunk: Uint8Array) => progress.received(chunk));
  try {
    return await presentedKey(socket, host, types, limitMs);
  } catch (error) {
    if (error instanceof TooLate) throw progress.late(limitMs);
    if (/no matching (host key|server host key)/i.test(String(error))) return undefined;
    throw progress.explain(error);
  } finally {
    socket.destroy();
  }
}

class TooLate extends Error {
  override readonly name = "TooLate";
}

function presentedKey(
  socket: Socket,
  { algorithms: chosen }: HostConfig,
  types: readonly string[],
  limitMs: number,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const client = new Client();
  let presented: Uint8Array | undefined;
  const stopTimer = waitingClock.after(limitMs, () => reject(new TooLate()));
  // Stays: an `error` event without a listener would be thrown.
  client.on("error", reject);
  client.once("close", () => reject(new Error("the host closed the connection")));
  // Only now the signature is checked: a key that somebody else owns may be shown by anybody.
  client.once("handshake", () => {
    // Before the login, which ssh2 begins next.
    socket.destroy();
    if (presented !== undefined) resolve(presented);
  });
  client.connect({
    ...{ sock: socket, username: "nobody", readyTimeout: 0 },
    algorithms: { ...algorithms([], chosen), ...algorithms(types) },
    hostVerifier: (key: Uint8Array) => {
      presented = Uint8Array.from(key);
      return true;
    },
  });
  return promise.finally(() => stopTimer());
}

function judge(
  place: HostConfig,
  keys: readonly Uint8Array[],
  entries: readonly KnownHostEntry[],
): OfferedKeys {
  const { host, port } = keyPlace(place);
  const name = knownHostsName(host, port);
  const own = entriesFor(entries, name).filter(({ kind }) => kind === "key");
  const decided = keys.map((key) => ({
    ...{ key, keyType: keyTypeOf(key) },
    decision: decideHostKey({ host, port, key, entries, strict: true }),
  }));
  const isConfirmed = decided.some(({ decision }) => decision.kind === "known");
  const found = decided.map(({ key, keyType, decision }): OfferedKey => {
    const facts = {
      ...{ keyType, fingerprint: fingerprint(key) },
      base64: key.toBase64(),
    };
    const sameType = own.filter((entry) => entry.keyType === keyType);
    if (decision.kind === "known" || decision.kind === "revoked") {
      const { source = "", line = 0, ...known } = decision.by;
      const by = { ...known, file: source, place: `${source}:${line}` };
      return { ...facts, standing: decision.kind, lines: [by] };
    }
    const isChanged = decision.kind === "changed" && (sameType.length > 0 || !isConfirmed);
    return isChanged
      ? { ...facts, standing: "changed", lines: (sameType.length > 0 ? sameType : own).map(shown) }
      : { ...facts, standing: "new", lines: [] };
  });
  return { name, keys: found };
}

const shown = ({ key, keyType, source, line }: KnownHostEntry): KnownKey => ({
  ...{ keyType, fingerprint: fingerprint(key), file: source },
  place: `${source}:${line}`,
});
