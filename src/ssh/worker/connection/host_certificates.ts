import type { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { Client } from "ssh2";

/** The algorithms of host certificates that ssh2 can verify, in the order in which ssh prefers them. */
export const CERTIFICATE_ALGORITHMS: readonly string[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
].map((name) => `${name}-cert-v01@openssh.com`);

const SUFFIX = "-cert-v01@openssh.com";

interface List {
  readonly array: readonly string[];
}

interface Direction {
  readonly cipher: List;
  readonly mac: List;
  readonly compress: List;
  readonly lang: List;
}

/** What this side offers in the key exchange. */
interface Offer {
  readonly lists: {
    readonly kex: List;
    readonly serverHostKey: List;
    readonly cs: Direction;
    readonly sc: Direction;
  };
  readonly constructor: new (lists: object) => Offer;
}

/** One key exchange of ssh2. */
interface Exchange {
  readonly negotiated: { serverHostKey: string };
  _hostKey: Uint8Array;
  getPublicKey(): Buffer;
}

/** Private parts of ssh2, which may be missing. */
interface ClientInternals {
  readonly _protocol?: { _offer?: Offer; _kex?: Exchange };
}

/** The algorithm with which the host signs, by its key exchange. */
const signing = new WeakMap<Exchange, string>();

/**
 * Offers to accept host certificates, before or in place of plain keys. Call it directly after `connect()`;
 * `hostVerifier` then gets a certificate in place of a key, and must call {@linkcode useCertifiedKey}.
 *
 * ssh2 1.17.0 knows no certificate: it takes the negotiated name for the type of the key and of the signature. Source:
 * lib/protocol/kex.js; OpenSSH PROTOCOL.certkeys.
 *
 * @param onlyThese offer no plain key
 */
export function offerHostCertificates(
  client: Client,
  algorithms: readonly string[],
  onlyThese: boolean,
): void {
  const protocol = (client as unknown as ClientInternals)._protocol;
  const offer = protocol?._offer;
  if (protocol === undefined || offer === undefined || algorithms.length === 0) return;
  const { kex, serverHostKey, cs, sc } = offer.lists;
  protocol._offer = new offer.constructor({
    kex: kex.array,
    serverHostKey: [...algorithms, ...(onlyThese ? [] : serverHostKey.array)],
    cs: arraysOf(cs),
    sc: arraysOf(sc),
  });
  let exchange: Exchange | undefined;
  Object.defineProperty(protocol, "_kex", {
    get: () => exchange,
    set(next: Exchange | undefined) {
      exchange = next;
      if (next !== undefined) expectCertificate(next);
    },
  });
}

const arraysOf = ({ cipher, mac, compress, lang }: Direction) => ({
  ...{ cipher: cipher.array, mac: mac.array },
  ...{ compress: compress.array, lang: lang.array },
});

/** ssh2 compares the negotiated name with the type of the key, which is another for RSA. */
function expectCertificate(exchange: Exchange): void {
  const { negotiated } = exchange;
  if (!negotiated.serverHostKey.endsWith(SUFFIX)) return;
  signing.set(exchange, negotiated.serverHostKey.slice(0, -SUFFIX.length));
  negotiated.serverHostKey = negotiated.serverHostKey.replace(/^rsa-sha2-\d+/, "ssh-rsa");
}

/** Lets ssh2 verify the signature of the host with the key in the certificate that it presented. */
export function useCertifiedKey(client: Client, plainKey: Uint8Array): void {
  const exchange = (client as unknown as ClientInternals)._protocol?._kex;
  const algorithm = exchange && signing.get(exchange);
  if (exchange === undefined || algorithm === undefined) return;
  exchange.negotiated.serverHostKey = algorithm;
  const getPublicKey = exchange.getPublicKey.bind(exchange);
  // The hash has the certificate. It is asked for this key right after that, before the signature is verified.
  exchange.getPublicKey = () => {
    exchange._hostKey = plainKey;
    return getPublicKey();
  };
}
