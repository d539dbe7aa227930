// @ts-types="@types/ssh2"
import type { AgentAuthMethod, ParsedKey, PublicKeyAuthMethod } from "ssh2";
import { systemClock } from "../../../async/clock.ts";
import type { KeyFile, KeysLogin } from "../../../config/config.ts";
import { errorText, RemoteExecError } from "../../../errors.ts";
import { keyUnusable } from "../../errors.ts";
import { ChosenKeysAgent } from "./agent_keys.ts";
import { type Certificate, certifiedKey, parseCertificate } from "./certificate.ts";
import { usablePrivateKey } from "./private_key.ts";
import { parseKey } from "../ssh2.ts";

/** One method for ssh2's `authHandler`. */
type Method = AgentAuthMethod | PublicKeyAuthMethod;

/** Reads a private key. @throws RemoteExecError `private_key` */
export async function readPrivateKey(
  path: string,
  passphrase: string | undefined,
): Promise<string> {
  const text = await Deno.readTextFile(path).catch((error) => {
    throw keyUnusable(
      path,
      errorText(error),
      error instanceof Deno.errors.NotFound
        ? "Set SSH_KEY to the file of the private key, on the machine that runs the server"
        : "Make the file readable by the user that runs the server",
    );
  });
  return usablePrivateKey(path, text, passphrase);
}

/**
 * Returns the login methods in the order in which ssh tries them: the agent's keys, those of the listed files
 * first, then the private keys in files that the agent may not have, each after its certificates. Of a hardware key, a wrong passphrase and
 * the like, `onSkipped` gets the reason.
 *
 * Source: OpenSSH 9.2 sshconnect2.c pubkey_prepare().
 *
 * @throws RemoteExecError `private_key` if no method is left
 */
export async function keyMethods(
  { socket, keys, certificates = [], onlyThese, passphrase }: KeysLogin,
  username: string,
  onSkipped: (reason: string) => void,
): Promise<Method[]> {
  const wanted: string[] = [];
  const methods: Method[] = [];
  const certified = await readCertificates(certificates, onSkipped);
  let fault: unknown;
  for (const { path, publicPath } of keys) {
    const named = path.endsWith(".pub") ? path : publicPath;
    const blob = named === undefined ? undefined : await readPublicKey(named);
    if (blob !== undefined) wanted.push(blob);
    if (path.endsWith(".pub")) continue;
    try {
      const key = await readPrivateKey(path, passphrase);
      if (blob === undefined) wanted.push(...publicBlobs(key, passphrase));
      for (const own of certifiedBy(certified, key, passphrase)) {
        methods.push({ type: "publickey", username, key: own });
      }
      methods.push({ type: "publickey", username, key, ...(passphrase ? { passphrase } : {}) });
    } catch (error) {
      if (!(error instanceof RemoteExecError)) throw error;
      fault ??= error;
      onSkipped(error.message);
    }
  }
  if (socket !== undefined) {
    const agent = new ChosenKeysAgent(socket, wanted, onlyThese, onSkipped);
    return [{ type: "agent", username, agent }, ...methods];
  }
  if (methods.length === 0 && fault !== undefined) throw fault;
  return methods;
}

/** Returns the key of a `.pub` file in wire form, in base64; undefined if it has none. */
async function readPublicKey(path: string): Promise<string | undefined> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return /^\s*[a-z][\w@.-]* ([A-Za-z0-9+/=]+)/m.exec(text)?.[1];
}

/** Reads certificates that are valid now. */
async function readCertificates(
  files: readonly KeyFile[],
  onSkipped: (reason: string) => void,
): Promise<Certificate[]> {
  const found: Certificate[] = [];
  const nowMs = systemClock.now();
  for (const { path } of files) {
    const certificate = parseCertificate(await Deno.readTextFile(path).catch(() => ""));
    if (certificate === undefined) onSkipped(`${path} is not a user certificate`);
    else if (certificate.validFromMs > nowMs) onSkipped(`${path} is not valid yet`);
    else if (certificate.validUntilMs <= nowMs) onSkipped(`${path} has expired`);
    else found.push(certificate);
  }
  return found;
}

/** Returns a key for each certificate of a private key. */
function certifiedBy(
  certificates: readonly Certificate[],
  privateKey: string,
  passphrase: string | undefined,
): ParsedKey[] {
  if (certificates.length === 0) return [];
  const parsed = parseKey(privateKey, passphrase);
  if (parsed instanceof Error) return [];
  const list: ParsedKey[] = [parsed].flat();
  return list.flatMap((key) => {
    const own = key.getPublicSSH().toString("base64");
    return certificates.filter((each) => each.key === own).map((each) => certifiedKey(key, each));
  });
}

function publicBlobs(key: string, passphrase: string | undefined): string[] {
  const parsed = parseKey(key, passphrase);
  if (parsed instanceof Error) return [];
  const list: ParsedKey[] = [parsed].flat();
  return list.map((each) => each.getPublicSSH().toString("base64"));
}
