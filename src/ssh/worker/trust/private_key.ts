import { createPrivateKey, type KeyObject } from "node:crypto";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { keyUnusable } from "../../errors.ts";
import { opensshKey } from "./openssh_key.ts";
import { tidyPkcs1, tidySec1 } from "./sec1.ts";

/**
 * The private key in a form that ssh2 takes, checked with its passphrase.
 *
 * ssh2 reads OpenSSH and the older PEM forms; keys in PKCS#8 are rewritten for it.
 *
 * @throws RemoteExecError `private_key`, each cause with its own remedy
 */
export function usablePrivateKey(
  path: string,
  text: string,
  passphrase: string | undefined,
): string {
  if (/^(ssh-|ecdsa-)/.test(text)) {
    throw keyUnusable(
      path,
      "it is a public key",
      "Set SSH_KEY to the private key (the file without .pub)",
    );
  }
  const parsed = parse(text, passphrase);
  if (!(parsed instanceof Error)) {
    const key = Array.isArray(parsed) ? parsed[0] : parsed;
    const pem = key?.getPrivatePEM() ?? "";
    const exact = key?.type.startsWith("ecdsa-") ? tidySec1(pem) : tidyPkcs1(pem);
    return exact === undefined || parse(exact) instanceof Error ? text : exact;
  }
  const rewritten = fromPkcs8(text, passphrase);
  if (typeof rewritten === "string") return rewritten;
  throw unusable(path, text, passphrase, (rewritten ?? parsed).message);
}

/** ssh2 throws for what the runtime lacks, such as P-521 in PEM. */
function parse(text: string, passphrase?: string): ReturnType<typeof ssh2.utils.parseKey> {
  try {
    return ssh2.utils.parseKey(text, passphrase);
  } catch (error) {
    return error instanceof Error ? error : new TypeError(String(error));
  }
}

function unusable(path: string, text: string, passphrase: string | undefined, reason: string) {
  const encrypted = /encrypted|passphrase/i.test(reason) || /ENCRYPTED/.test(text);
  if (encrypted && passphrase === undefined) {
    return keyUnusable(
      path,
      "it is encrypted and no passphrase is set",
      "Set SSH_KEY_PASSPHRASE, or use an agent",
    );
  }
  if (encrypted || /integrity|decrypt|bad/i.test(reason)) {
    return keyUnusable(path, "the passphrase does not fit", "Correct SSH_KEY_PASSPHRASE");
  }
  return keyUnusable(
    path,
    "Supported formats: RSA, Ed25519, ECDSA (OpenSSH or PEM)",
    `Test the key with ssh-keygen -y -f ${path}; ssh-keygen -p -f ${path} rewrites it in OpenSSH's format`,
  );
}

function olderPem(key: KeyObject): string {
  const type = key.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
  const pem = key.export({ type, format: "pem" }).toString();
  return tidySec1(pem) ?? pem;
}

/** The key rewritten, the error that it gives even so, or undefined when it is no PKCS#8 key. */
function fromPkcs8(text: string, passphrase: string | undefined): string | Error | undefined {
  try {
    const key = createPrivateKey({
      key: text,
      format: "pem",
      ...(passphrase === undefined ? {} : { passphrase }),
    });
    const rewritten = opensshKey(key) ?? olderPem(key);
    const parsed = parse(rewritten);
    return parsed instanceof Error ? parsed : rewritten;
  } catch {
    return undefined;
  }
}
