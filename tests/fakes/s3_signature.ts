import { createHash, createHmac } from "node:crypto";

/** Source: Amazon S3 API reference, RequestTimeTooSkewed: 15 minutes either way. */
const MAX_SKEW_MS = 900_000;
/** Source: the same, X-Amz-Expires: seven days at most. */
const MAX_LIFE_S = 604_800;

/** The only account of the service. */
export interface S3Account {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
}

/** A request as it arrived. */
export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** How a request is refused. */
export interface S3Refusal {
  readonly status: number;
  readonly code: string;
}

interface Signature {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly hex: string;
  /** `YYYYMMDDTHHMMSSZ` */
  readonly date: string;
  /** The text that represents the body in the signed request. */
  readonly payload: string;
  /** Seconds; undefined for a signature in headers. */
  readonly life: number | undefined;
}

/**
 * Returns why a request is refused, or undefined when its signature is valid.
 * Source: AWS, "Signature Version 4 signing process"; for S3 the path is encoded once.
 */
export function refusalOf(
  request: SignedRequest,
  account: S3Account,
  nowMs: number,
): S3Refusal | undefined {
  const signature = fromQuery(request.url) ?? fromHeaders(request.headers);
  if (signature === undefined) return { status: 403, code: "AccessDenied" };
  const [accessKey, day = "", region, service, end] = signature.credential.split("/");
  if (accessKey !== account.accessKey) return { status: 403, code: "InvalidAccessKeyId" };
  if (region !== account.region || service !== "s3" || end !== "aws4_request") {
    return { status: 400, code: "AuthorizationHeaderMalformed" };
  }
  const isHostSigned = signature.signedHeaders.split(";").includes("host");
  if (!isHostSigned || hexOf(request, account, signature, day) !== signature.hex) {
    return { status: 403, code: "SignatureDoesNotMatch" };
  }
  return refusalByTime(signature, nowMs) ?? refusalByBody(signature, request.body);
}

function fromQuery({ searchParams }: URL): Signature | undefined {
  const get = (name: string) => searchParams.get(`X-Amz-${name}`) ?? "";
  if (get("Signature") === "") return undefined;
  return {
    credential: get("Credential"),
    signedHeaders: get("SignedHeaders"),
    hex: get("Signature"),
    date: get("Date"),
    payload: "UNSIGNED-PAYLOAD",
    life: Number(get("Expires") || NaN),
  };
}

function fromHeaders(headers: Headers): Signature | undefined {
  const [, credential = "", signedHeaders = "", hex = ""] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
      .exec(headers.get("authorization") ?? "") ?? [];
  const date = headers.get("x-amz-date");
  const payload = headers.get("x-amz-content-sha256");
  if (hex === "" || date === null || payload === null) return undefined;
  return { credential, signedHeaders, hex, date, payload, life: undefined };
}

function hexOf(
  { method, url, headers }: SignedRequest,
  { secretKey, region }: S3Account,
  { signedHeaders, date, payload }: Signature,
  day: string,
): string {
  const lines = signedHeaders.split(";").map((name) =>
    `${name}:${(headers.get(name) ?? "").trim().replace(/\s+/g, " ")}\n`
  );
  const canonical = [method, pathOf(url), queryOf(url), lines.join(""), signedHeaders, payload]
    .join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n");
  const key = [day, region, "s3", "aws4_request"].reduce<Uint8Array | string>(
    (previous, part) => hmac(previous, part),
    `AWS4${secretKey}`,
  );
  return hmac(key, text).toString("hex");
}

const pathOf = ({ pathname }: URL): string =>
  pathname.split("/").map((segment) => encode(decodeURIComponent(segment))).join("/");

const queryOf = ({ searchParams }: URL): string =>
  [...searchParams].filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encode(name)}=${encode(value)}`).sort().join("&");

function refusalByTime({ date, life }: Signature, nowMs: number): S3Refusal | undefined {
  const atMs = Date.parse(
    date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"),
  );
  if (life === undefined) {
    const isSkewed = !(Math.abs(nowMs - atMs) <= MAX_SKEW_MS);
    return isSkewed ? { status: 403, code: "RequestTimeTooSkewed" } : undefined;
  }
  if (!(life > 0 && life <= MAX_LIFE_S)) {
    return { status: 400, code: "AuthorizationQueryParametersError" };
  }
  const isOver = !(nowMs <= atMs + life * 1000);
  return isOver ? { status: 403, code: "ExpiredRequest" } : undefined;
}

const refusalByBody = (
  { payload }: Signature,
  body: Uint8Array<ArrayBuffer>,
): S3Refusal | undefined =>
  payload === "UNSIGNED-PAYLOAD" || payload === sha256(body)
    ? undefined
    : { status: 400, code: "XAmzContentSHA256Mismatch" };

/** Source: the same, UriEncode(): everything but letters, digits and `-._~`. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const sha256 = (data: string | Uint8Array): string =>
  createHash("sha256").update(data).digest("hex");

const hmac = (key: string | Uint8Array, text: string) =>
  createHmac("sha256", key).update(text).digest();
