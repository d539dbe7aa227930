import { createPrivateKey } from "node:crypto";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { keyUnusable } from "./errors.ts";

/**
 * The private key in a form that ssh2 takes, checked with its passphrase.
 *
 * ssh2 reads OpenSSH and the older PEM forms; RSA and EC keys in PKCS#8 are rewritten for it.
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
  const parsed = ssh2.utils.parseKey(text, passphrase);
  if (!(parsed instanceof Error)) return text;
  const rewritten = fromPkcs8(text, passphrase);
  if (rewritten !== undefined) return rewritten;
  throw unusable(path, text, passphrase, parsed.message);
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
    `Test the key with ssh-keygen -y -f ${path}`,
  );
}

function fromPkcs8(text: string, passphrase: string | undefined): string | undefined {
  try {
    const key = createPrivateKey({
      key: text,
      format: "pem",
      ...(passphrase === undefined ? {} : { passphrase }),
    });
    const type = key.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
    const pem = key.export({ type, format: "pem" }).toString();
    return ssh2.utils.parseKey(pem) instanceof Error ? undefined : pem;
  } catch {
    return undefined;
  }
}
