import ImageKit from "@imagekit/nodejs";
import { boundedResponse } from "../response_body.ts";

/** A page of a listing: 1,000 files, each with all that the service knows of it. */
const LONGEST_ANSWER_BYTES = 32 * 1_048_576;

/** What the SDK is told. */
export interface SdkOptions {
  readonly baseUrl: string;
  readonly privateKey: string;
  readonly fetch: typeof fetch;
}

/**
 * A client of the vendor's SDK that repeats nothing, logs nothing and needs no right but net.
 *
 * Its constructor reads `IMAGE_KIT_CUSTOM_HEADERS` whatever it is given, which a worker without the
 * environment is refused. It finds the environment through the global `process`, so for as long as the
 * (synchronous) constructor runs, that global has an empty one.
 * Source: @imagekit/nodejs 7.11.0, client.mjs and internal/utils/env.mjs.
 */
export function createSdk({ baseUrl, privateKey, fetch }: SdkOptions): ImageKit {
  return withoutEnvironment(() =>
    new ImageKit({
      baseURL: baseUrl,
      privateKey,
      password: "do_not_set",
      webhookSecret: null,
      logLevel: "off",
      maxRetries: 0,
      // With `Response` beside it the SDK does not try it out on a data: URL.
      fetch: Object.assign(fetchNoRedirect(fetch), { Response }),
    })
  );
}

/** A redirect could carry the Authorization header elsewhere; the service has none. */
const fetchNoRedirect = (real: typeof fetch): typeof fetch => async (input, init) =>
  boundedResponse(await real(input, { ...init, redirect: "error" }), LONGEST_ANSWER_BYTES);

function withoutEnvironment<T>(create: () => T): T {
  const own = Object.getOwnPropertyDescriptor(globalThis, "process");
  Object.defineProperty(globalThis, "process", { value: { env: {} }, configurable: true });
  try {
    return create();
  } finally {
    if (own === undefined) Reflect.deleteProperty(globalThis, "process");
    else Object.defineProperty(globalThis, "process", own);
  }
}
