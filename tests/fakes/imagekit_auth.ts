import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import type { Account } from "./imagekit_account.ts";
import { Refusal } from "./imagekit_replies.ts";

/** Text fields of an upload form; the last one wins when a name comes twice. */
export type FormFields = ReadonlyMap<string, string>;

/** Requires `Authorization: Basic` with the private key as its user name; the password is ignored. */
export function requirePrivateKey(account: Account, authorization: string | null): void {
  if (authorization === null) {
    throw new Refusal(401, "Your request does not contain private API key.");
  }
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization)?.[1] ?? "";
  const user = Buffer.from(encoded, "base64").toString().split(":")[0] ?? "";
  if (account.faults.keyRevoked || !isSame(user, account.privateKey)) {
    throw new Refusal(403, UNKNOWN_ACCOUNT);
  }
}

/**
 * Upload V1: either Basic or publicKey, token, expire and signature, never both.
 * A token is used up as soon as it arrives with the right public key, even if the request fails.
 * Source: ImageKit "Client side file upload", "always send a new value".
 */
export function authorizeV1(account: Account, authorization: string | null, fields: FormFields) {
  if (authorization !== null) {
    if (["token", "expire", "signature"].some((name) => fields.has(name))) {
      throw new Refusal(400, BOTH_METHODS);
    }
    return requirePrivateKey(account, authorization);
  }
  const publicKey = requireField(fields, "publicKey");
  const token = requireField(fields, "token");
  const expire = requireField(fields, "expire");
  const signature = requireField(fields, "signature");
  const fresh = claimToken(account, publicKey, token);
  requireExpire(account, expire);
  if (!isSame(signature, hmacHex(account.privateKey, token + expire))) {
    throw new Refusal(400, "Your request contains invalid signature parameter.");
  }
  if (!fresh) throw new Refusal(400, usedBefore(token));
}

/**
 * Upload V2: Basic, or a JWT (HS256) whose payload is every other text field of the form, stringified.
 * Source: ImageKit "Secure client side file upload (beta)".
 */
export function authorizeV2(account: Account, authorization: string | null, fields: FormFields) {
  const token = fields.get("token");
  if (authorization !== null) {
    if (token !== undefined) throw new Refusal(400, BOTH_METHODS);
    return requirePrivateKey(account, authorization);
  }
  const { head, payload, signed, signature } = parseJwt(requireField(fields, "token"));
  const fresh = claimToken(account, head.kid, token ?? "");
  if (!isSame(signature, hmacBase64Url(account.privateKey, signed))) {
    throw new Refusal(400, "Your request contains invalid token parameter.");
  }
  const { iat, exp, ...stated } = payload;
  const nowSeconds = account.nowMs() / 1000;
  if (exp <= nowSeconds || exp - iat > 3600) throw new Refusal(400, BAD_EXPIRE);
  requireSamePayload(stated, fields);
  if (!fresh) throw new Refusal(400, usedBefore(token ?? ""));
}

/** Hexadecimal HMAC-SHA1, which signs uploads (token + expire) and delivery URLs. */
export const hmacHex = (key: string, text: string): string =>
  createHmac("sha1", key).update(text).digest("hex");

/** Compares two texts in constant time. */
export function isSame(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const UNKNOWN_ACCOUNT = "Your account cannot be authenticated.";
const BOTH_METHODS =
  "Your request contains both signature and basic auth parameter. Use only one method, " +
  "you might be exposing your private API key.";
const BAD_EXPIRE = "Your request contains invalid expire parameter. " +
  "Expire parameter should be a Unix time in less than 1 hour into the future.";

const usedBefore = (token: string): string =>
  `The token with value '${token}' has been used before. We suggest using V4 UUIDs, ` +
  "or another random string with enough entropy to avoid collisions.";

function requireField(fields: FormFields, name: string): string {
  const value = fields.get(name);
  if (value === undefined || value === "") {
    throw new Refusal(400, `Your request is missing ${name} parameter.`);
  }
  return value;
}

function claimToken(account: Account, publicKey: string, token: string): boolean {
  if (account.faults.keyRevoked || publicKey !== account.publicKey) {
    throw new Refusal(403, UNKNOWN_ACCOUNT);
  }
  return account.burnToken(token);
}

function requireExpire(account: Account, expire: string): void {
  const aheadSeconds = Number(expire) - account.nowMs() / 1000;
  if (!/^\d+$/.test(expire) || aheadSeconds <= 0 || aheadSeconds >= 3600) {
    throw new Refusal(400, BAD_EXPIRE);
  }
}

const JwtHead = z.object({ alg: z.literal("HS256"), typ: z.literal("JWT"), kid: z.string() });
const JwtPayload = z.object({ iat: z.int(), exp: z.int() }).catchall(z.string());

function parseJwt(token: string) {
  const [head = "", payload = "", signature = ""] = token.split(".");
  try {
    return {
      head: JwtHead.parse(decodePart(head)),
      payload: JwtPayload.parse(decodePart(payload)),
      signed: `${head}.${payload}`,
      signature,
    };
  } catch {
    throw new Refusal(400, "Your request contains invalid token parameter.");
  }
}

const decodePart = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());

const hmacBase64Url = (key: string, text: string): string =>
  createHmac("sha256", key).update(text).digest("base64url");

function requireSamePayload(stated: Record<string, unknown>, fields: FormFields): void {
  const sent = [...fields].filter(([name]) => name !== "token");
  const agrees = sent.every(([name, value]) => stated[name] === value);
  if (!agrees || Object.keys(stated).length !== sent.length) {
    throw new Refusal(
      400,
      "Your request contains invalid payload. " +
        "It does not match with the payload used to generate token.",
    );
  }
}
