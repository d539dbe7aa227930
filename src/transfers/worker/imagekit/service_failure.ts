import { APIConnectionError, APIError } from "@imagekit/nodejs";
import type { Clock } from "../../../async/clock.ts";
import { errorText, RemoteExecError } from "../../../errors.ts";
import { retry } from "../../../async/retry.ts";
import { wrongClock } from "../../errors.ts";
import { type NetworkFault, networkFault, withoutUrls } from "../network_fault.ts";
import { aheadMs } from "../service_clock.ts";

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 500;
/** A longer pause is reported to the caller instead of waited for. */
const MAX_PAUSE_MS = 30_000;
/** Max length of a message of the service in our messages. */
const MAX_REASON_LENGTH = 300;

/** A failure of the service, before {@linkcode failureError} adds the action. */
export class ServiceFailure extends Error {
  override readonly name = "ServiceFailure";
  /** HTTP status; undefined when no response arrived. */
  readonly status: number | undefined;
  readonly headers: Headers | undefined;

  constructor(status: number | undefined, message: string, headers?: Headers, cause?: unknown) {
    super(message, { cause });
    this.status = status;
    this.headers = headers;
  }

  /** Milliseconds to wait, from `X-RateLimit-Reset`. */
  get resetMs(): number | undefined {
    const text = this.headers?.get("x-ratelimit-reset") ?? "";
    return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  }
}

/** How a request may be retried. */
export interface RetryRule {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** False: the request is sent again only when the service certainly did not perform it (429). */
  readonly isRepeatable: boolean;
}

/**
 * Sends a request, and again after 429, 5xx and lost responses, with the pause that the service asks
 * for. Source: ImageKit, "Rate limits": `X-RateLimit-Reset` counts milliseconds.
 *
 * @param action what the request does, for messages: "list files on ImageKit"
 * @throws RemoteExecError for the last failure; the signal's reason when it is aborted
 */
export async function retried<T>(
  action: string,
  { clock, signal, isRepeatable }: RetryRule,
  send: () => Promise<T>,
): Promise<T> {
  const pauseMs = (error: unknown, attempt: number) => {
    const failure = toFailure(error);
    const ms = failure.resetMs ?? FIRST_PAUSE_MS * 2 ** (attempt - 1);
    return mayPass(failure, isRepeatable) && ms <= MAX_PAUSE_MS ? ms : undefined;
  };
  try {
    return await retry(send, { attempts: ATTEMPTS, pauseMs, signal, clock });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const failure = toFailure(error);
    throw failure.status === undefined
      ? unreachable(action, networkFault(error, "ImageKit's host", VARIABLES), failure)
      : failureError(action, failure, clock.now());
  }
}

/** The variables that name ImageKit's hosts. */
const VARIABLES = "IMAGEKIT_API_URL, IMAGEKIT_UPLOAD_URL and IMAGEKIT_URL_ENDPOINT";

/** Returns the failure of a response of the delivery network. */
export const responseFailure = (response: Response): ServiceFailure =>
  new ServiceFailure(response.status, `HTTP ${response.status}`, response.headers);

/** Returns the error for a failure. It quotes texts of the service, which contain no secrets of ours. */
export function failureError(
  action: string,
  failure: ServiceFailure,
  nowMs?: number,
): RemoteExecError {
  const { status, message, cause } = failure;
  const options = { cause: cause ?? failure };
  if (status === undefined) return unreachable(action, { seen: message }, failure);
  const { code, suggestion } = meaning(status, message, failure.resetMs);
  const isAboutTime = code === "authentication_failed" || code === "refused_by_service";
  if (isAboutTime && status < 500 && nowMs !== undefined) {
    const ahead = aheadMs(failure.headers, nowMs);
    const clock = wrongClock(`Cannot ${action}: ImageKit answered ${status}`, "imagekit", ahead);
    if (clock !== undefined) return clock;
  }
  const seen = `ImageKit answered ${status}: ${message}`;
  return new RemoteExecError(code, `Cannot ${action}: ${seen}`, suggestion, options);
}

function unreachable(
  action: string,
  { seen, remedy }: NetworkFault,
  failure: ServiceFailure,
): RemoteExecError {
  return new RemoteExecError(
    "unreachable",
    `Cannot ${action}: ImageKit did not answer: ${seen}`,
    remedy ?? "Check that this machine can reach ImageKit over https, then try again",
    { cause: failure.cause ?? failure },
  );
}

function meaning(status: number, message: string, resetMs: number | undefined) {
  if (status === 413 || /size exceeds/i.test(message)) return MEANINGS.tooLarge;
  if (/limit exceeded/i.test(message) && status !== 429) return MEANINGS.quota;
  if (status === 401 || status === 403) return MEANINGS.credentials;
  if (status === 404) return MEANINGS.missing;
  if (status === 429) {
    const seconds = Math.max(1, Math.ceil((resetMs ?? 1000) / 1000));
    return { code: "rate_limited", suggestion: `Try again in ${seconds} seconds` } as const;
  }
  return status >= 500 ? MEANINGS.broken : MEANINGS.refused;
}

const MEANINGS = {
  tooLarge: {
    code: "too_large",
    suggestion: "Set IMAGEKIT_MAX_FILE_SIZE to the limit of the ImageKit plan, or split the file",
  },
  quota: { code: "quota", suggestion: "Free storage in the ImageKit account or upgrade its plan" },
  credentials: {
    code: "authentication_failed",
    suggestion: "Check IMAGEKIT_PUBLIC_KEY, IMAGEKIT_PRIVATE_KEY and IMAGEKIT_URL_ENDPOINT, and " +
      "that this machine's clock is correct",
  },
  missing: { code: "not_found", suggestion: "Start a new transfer" },
  broken: { code: "refused_by_service", suggestion: "Try again in a few minutes" },
  refused: {
    code: "refused_by_service",
    suggestion: "Check the ImageKit settings and that this machine's clock is correct",
  },
} as const;

const mayPass = ({ status }: ServiceFailure, isRepeatable: boolean): boolean =>
  status === 429 || (isRepeatable && (status === undefined || status >= 500));

function toFailure(error: unknown): ServiceFailure {
  if (error instanceof ServiceFailure) return error;
  if (error instanceof APIConnectionError) {
    const text = withoutUrls(errorText(error.cause ?? error));
    return new ServiceFailure(undefined, text, undefined, error.cause ?? error);
  }
  if (error instanceof APIError && error.status !== undefined) {
    return new ServiceFailure(error.status, textOf(error), error.headers, error);
  }
  // fetch rejects with a TypeError, and so does reading a body that ends early.
  if (error instanceof TypeError || error instanceof SyntaxError) {
    return new ServiceFailure(undefined, withoutUrls(error.message), undefined, error);
  }
  throw error;
}

/** Returns the message of the service. The HTML page of a proxy would not help anybody. */
function textOf({ error }: APIError): string {
  const said: unknown = typeof error === "object" && error !== null && "message" in error
    ? error.message
    : undefined;
  return typeof said === "string" ? said.slice(0, MAX_REASON_LENGTH) : "without a reason";
}
