import { RemoteExecError } from "../../../errors.ts";
import type { R2Config } from "../../../config/config.ts";
import { networkFault } from "../network_fault.ts";
import { xmlValue } from "./s3_xml.ts";

/** A refusal of the service. */
export interface S3Refusal {
  readonly status: number;
  /** Like `NoSuchKey`; empty when there was no body (HEAD). */
  readonly code: string;
  readonly message: string;
  /** Time of the service's clock. */
  readonly dateMs: number | undefined;
}

/** Reads a refusal from its status, `Date` header and XML body. */
export function parseRefusal(status: number, headers: Headers, xml: string): S3Refusal {
  const dateMs = Date.parse(headers.get("date") ?? "");
  return {
    status,
    code: xmlValue(xml, "Code") ?? "",
    message: (xmlValue(xml, "Message") ?? "").slice(0, 300),
    dateMs: Number.isNaN(dateMs) ? undefined : dateMs,
  };
}

/**
 * Reports whether a refusal means that a presigned URL has expired.
 *
 * Source: R2 answers `ExpiredRequest` (400 until July 2026, then 403), AWS and Swift `AccessDenied`
 * with "Request has expired".
 */
export const isExpired = ({ code, message }: S3Refusal): boolean =>
  code === "ExpiredRequest" || (code === "AccessDenied" && /expired/i.test(message));

/** Returns the error for a refused request, with what the operator of the server can do. */
export function serviceError(
  action: string,
  refusal: S3Refusal,
  { bucket }: R2Config,
  nowMs: number,
): RemoteExecError {
  const { status, code } = refusal;
  const known = KNOWN.get(code) ?? BY_STATUS[status] ?? unknownRefusal;
  // Some services call a signature of another time wrong or not allowed.
  const isOff = refusal.dateMs !== undefined && Math.abs(nowMs - refusal.dateMs) >= MAX_SKEW_MS;
  const make = isOff && DEPENDS_ON_TIME.has(known) ? wrongClock : known;
  return make({ action, seen: seen(refusal), bucket, skew: skew(refusal, nowMs) });
}

/** The service could not be reached, or the connection broke. */
export function serviceUnreachable(
  action: string,
  { endpoint }: R2Config,
  error: unknown,
): RemoteExecError {
  const { host } = new URL(endpoint);
  const { seen, remedy } = networkFault(error, host, "R2_ACCOUNT_ID or R2_ENDPOINT");
  return new RemoteExecError(
    "unreachable",
    `Cannot ${action}: no response from ${host}: ${seen}`,
    remedy ?? "Check the network and R2_ACCOUNT_ID or R2_ENDPOINT, then try again",
  );
}

/** A listing has too many pages, or its pages repeat. */
export const endlessListing = () =>
  new RemoteExecError(
    "refused_by_service",
    "Cannot list the transfers: the service's listing does not end",
    "Check R2_ENDPOINT; name a client_id to list fewer transfers",
  );

/** The sandbox does not permit the module to connect to this host. */
export const hostNotPermitted = (action: string, host: string) =>
  new RemoteExecError(
    "not_permitted",
    `Cannot ${action}: this module may not connect to ${host}`,
    "Check R2_ENDPOINT; `mcp-remote-exec permissions` shows the hosts of each module",
  );

interface Fault {
  readonly action: string;
  readonly seen: string;
  readonly bucket: string;
  readonly skew: string;
}

type Maker = (fault: Fault) => RemoteExecError;

const wrongCredentials: Maker = ({ action, seen }) =>
  new RemoteExecError(
    "authentication_failed",
    `Cannot ${action}: the service does not accept the credentials: ${seen}`,
    "Check R2_ACCESS_KEY, R2_SECRET_KEY and R2_REGION",
  );

const notAllowed: Maker = ({ action, seen }) =>
  new RemoteExecError(
    "not_permitted",
    `Cannot ${action}: the service refused access: ${seen}`,
    "Check R2_ACCESS_KEY and R2_SECRET_KEY; the token needs Object Read & Write for the bucket in R2_BUCKET",
  );

const wrongClock: Maker = ({ action, seen, skew }) =>
  new RemoteExecError(
    "authentication_failed",
    `Cannot ${action}: the clock of this machine differs from the service's${skew}: ${seen}`,
    "Set the clock of this machine (timedatectl set-ntp true), then try again",
  );

const noBucket: Maker = ({ action, bucket }) =>
  new RemoteExecError(
    "configuration",
    `Cannot ${action}: the bucket "${bucket}" does not exist`,
    "Create the bucket, or correct R2_BUCKET and R2_ENDPOINT (a bucket of a jurisdiction has its own endpoint)",
  );

const noObject: Maker = ({ action, seen }) =>
  new RemoteExecError(
    "not_found",
    `Cannot ${action}: ${seen}`,
    "Check the ID; if it is right, check R2_ENDPOINT and R2_BUCKET",
  );

const tooFast: Maker = ({ action, seen }) =>
  new RemoteExecError(
    "rate_limited",
    `Cannot ${action}: too many requests: ${seen}`,
    "Wait a minute, then try again",
  );

const noRoom: Maker = ({ action, seen }) =>
  new RemoteExecError(
    "quota",
    `Cannot ${action}: the account's storage is full: ${seen}`,
    "Remove transfers that nobody needs, or raise the account's quota",
  );

const unknownRefusal: Maker = ({ action, seen }) =>
  new RemoteExecError(
    "refused_by_service",
    `Cannot ${action}: ${seen}`,
    "Try again later; `mcp-remote-exec doctor` checks the exchange",
  );

/** Signatures may be this old or young. Source: AWS, "Signature Version 4", 15 minutes; others allow less. */
const MAX_SKEW_MS = 5 * 60_000;
const DEPENDS_ON_TIME: ReadonlySet<Maker> = new Set([wrongCredentials, notAllowed]);

/** A map, because an object has names of its own, such as `constructor`. */
const KNOWN: ReadonlyMap<string, Maker> = new Map(Object.entries<Maker>({
  Unauthorized: wrongCredentials,
  InvalidAccessKeyId: wrongCredentials,
  SignatureDoesNotMatch: wrongCredentials,
  AuthorizationHeaderMalformed: wrongCredentials,
  InvalidRegionName: wrongCredentials,
  AccessDenied: notAllowed,
  NotEntitled: notAllowed,
  RequestTimeTooSkewed: wrongClock,
  NoSuchBucket: noBucket,
  NoSuchKey: noObject,
  NoSuchUpload: noObject,
  TooManyRequests: tooFast,
  SlowDown: tooFast,
  QuotaExceeded: noRoom,
}));

const BY_STATUS: Readonly<Record<number, Maker>> = {
  401: wrongCredentials,
  403: notAllowed,
  404: noObject,
  429: tooFast,
  507: noRoom,
};

const seen = ({ status, code, message }: S3Refusal): string =>
  [`HTTP ${status}`, code, message].filter((part) => part !== "").join(" ");

function skew({ dateMs }: S3Refusal, nowMs: number): string {
  if (dateMs === undefined) return "";
  const minutes = Math.round((nowMs - dateMs) / 60_000);
  return ` (it is ${Math.abs(minutes)} minutes ${minutes < 0 ? "behind" : "ahead"})`;
}
