import { errorText } from "../../errors.ts";

/** Why no response arrived, in words, and what may help. */
export interface NetworkFault {
  readonly seen: string;
  /** Undefined where only the general advice is left. */
  readonly remedy?: string;
}

/**
 * Returns the cause of a failed fetch without its URL, which may be signed. The runtime says only "fetch
 * failed" and hides the reason in the cause of the cause.
 *
 * @param host as messages name it: "s3.example.org", "ImageKit's host"
 * @param variables the configuration that names the host, for the remedy: "R2_ENDPOINT"
 *
 * Source: texts measured on Deno 2.9.4. A compiled program ignores DENO_CERT (cli/rt/run.rs).
 */
export function networkFault(error: unknown, host: string, variables: string): NetworkFault {
  const text = withoutUrls(causesOf(error));
  for (const [pattern, faultOf] of FAULTS) {
    if (pattern.test(text)) return faultOf({ host, variables });
  }
  return { seen: reasonOf(text) };
}

/** Removes URLs, which the runtime adds to its messages: a signed URL is a secret. */
export const withoutUrls = (text: string): string => text.replaceAll(/https?:[^\s)]+/g, "…");

interface Place {
  readonly host: string;
  readonly variables: string;
}

const FAULTS: readonly (readonly [RegExp, (place: Place) => NetworkFault])[] = [
  [/proxy authentication required/i, () => ({
    seen: "the proxy requires a login",
    remedy: "Put it into HTTPS_PROXY: http://USER:PASSWORD@PROXY:PORT",
  })],
  [/unsuccessful tunnel|tunnel error|socks error/i, ({ host }) => ({
    seen: `the proxy refuses to connect to ${host}`,
    remedy: `Allow ${host} in the proxy, add it to NO_PROXY, or correct HTTPS_PROXY`,
  })],
  [/dns error|failed to lookup address/i, ({ host, variables }) => ({
    seen: `DNS does not know ${host}, or the proxy`,
    remedy: `Check ${variables} and this machine's DNS; set HTTPS_PROXY if the network has a proxy`,
  })],
  [/connection refused/i, ({ host, variables }) => ({
    seen: `${host}, or the proxy, refused the connection`,
    remedy:
      `Check the port in ${variables}; if HTTPS_PROXY is set, check that the proxy is running`,
  })],
  [/UnknownIssuer|CaUsedAsEndEntity/i, ({ host }) => ({
    seen: `the certificate of ${host} is from an authority that is not trusted here`,
    remedy:
      "Set DENO_CERT to the PEM file of the authority; for the compiled program, add it to the " +
      "system's authorities and set DENO_TLS_CA_STORE=system",
  })],
  [/not valid for name|NotValidForName/i, ({ host, variables }) => ({
    seen: `the certificate is for another name than ${host}`,
    remedy: `Use the name of the certificate in ${variables}`,
  })],
  [/certificate expired|certificate not valid yet|\bExpired\b|NotValidYet/i, ({ host }) => ({
    seen: `the certificate of ${host} has expired or is not valid yet by the clock of this machine`,
    remedy: "Check the clock of this machine, then the server's certificate",
  })],
  [
    /corrupt message|InvalidContentType|tls handshake eof|HandshakeFailure/i,
    ({ host, variables }) => ({
      seen: `${host} does not speak TLS on this port`,
      remedy: `Check the port and the scheme in ${variables}`,
    }),
  ],
  [/network is unreachable|no route to host/i, ({ host }) => ({
    seen: `there is no route to ${host}`,
    remedy: "Check the network; set HTTPS_PROXY if it has a proxy",
  })],
  [/timed? ?out|no (?:complete )?response in/i, ({ host }) => ({
    seen: `${host} did not answer in time`,
    remedy: "Check the network and firewall; set HTTPS_PROXY if the network has a proxy",
  })],
];

/** Joins the messages of an error and its causes; the chain may be a circle. */
function causesOf(error: unknown): string {
  const texts: string[] = [];
  for (let at = error; at instanceof Error && texts.length < 8; at = at.cause) {
    texts.push(at.message);
  }
  return texts.length === 0 ? errorText(error) : texts.join(": ");
}

/** Removes what says nothing: "fetch failed", and the words before the reason. */
const reasonOf = (text: string): string =>
  text.replace(
    /^(?:(?:fetch failed|Connection error\.?|error sending request(?: for url \(…\))?): )+/i,
    "",
  );
