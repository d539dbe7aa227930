import type { Config } from "../config/config.ts";
import { offers } from "../config/offer.ts";
import { errorText, oneLine } from "../errors.ts";
import { hostAndPort } from "../sandbox/permissions.ts";
import type { Check } from "../ssh/port.ts";

/** A proxy answers within this time. */
const LIMIT_MS = 10_000;
const STEP = "link URL";

/**
 * Checks that BASE_URL leads here: answers on the address of the links for a moment, and asks for a random path
 * below BASE_URL. Without BASE_URL there is nothing to check.
 */
export async function linkUrlChecks({ downloads, offer }: Config): Promise<Check[]> {
  const { host, port, baseUrl, tls } = downloads;
  if (!offers(offer, "serves") || baseUrl === undefined) return [];
  const nonce = crypto.randomUUID();
  let server: Deno.HttpServer | undefined;
  try {
    server = Deno.serve({
      ...{ hostname: host, port, onListen() {} },
      ...(tls &&
        { cert: Deno.readTextFileSync(tls.certPath), key: Deno.readTextFileSync(tls.keyPath) }),
    }, ({ url }) => new Response(new URL(url).pathname.endsWith(`/${nonce}`) ? nonce : "no"));
  } catch {
    // The checks of the port and of the certificate say why.
    const detail = `${baseUrl} was not checked: ${hostAndPort(host, port)} cannot be used now`;
    return [{ step: STEP, ok: true, detail }];
  }
  try {
    return [await ask(baseUrl, nonce, hostAndPort(host, port))];
  } finally {
    await server.shutdown();
  }
}

async function ask(baseUrl: string, nonce: string, address: string): Promise<Check> {
  const startedAt = performance.now();
  const remedy =
    `Let the proxy pass ${baseUrl} to ${address}, or correct BASE_URL; a firewall may also hide it from this machine alone`;
  try {
    const response = await fetch(`${baseUrl.replace(/\/$/, "")}/download/${nonce}`, {
      signal: AbortSignal.timeout(LIMIT_MS),
      headers: { connection: "close" },
    });
    const text = await firstBytes(response);
    const ms = Math.round(performance.now() - startedAt);
    if (text === nonce) return { step: STEP, ok: true, detail: `${baseUrl} leads here (${ms} ms)` };
    const detail = `${baseUrl} leads to another server, which answers ${response.status}`;
    return { step: STEP, ok: false, detail, remedy };
  } catch (error) {
    const isLate = error instanceof DOMException && error.name === "TimeoutError";
    const reason = isLate ? `no answer within ${LIMIT_MS / 1_000} seconds` : reasonOf(error);
    return { step: STEP, ok: false, detail: `${baseUrl} cannot be reached: ${reason}`, remedy };
  }
}

/** Another server may send any amount. */
async function firstBytes(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const { value = new Uint8Array() } = await reader?.read() ?? {};
  await reader?.cancel();
  return new TextDecoder().decode(value.subarray(0, 100));
}

/** fetch() has the cause in its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return oneLine(errorText(cause));
}
