import type { ConnectionLimits } from "./connections.ts";

/** Limits of a client. A connection that exceeds one is closed. */
export interface HttpLimits extends ConnectionLimits {
  /** For the headers of a request, and for the TLS handshake. */
  readonly headersMs: number;
  /** For the complete request. */
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** For accepting one chunk of an answer. */
  readonly stallMs: number;
  readonly headerBytes: number;
  readonly bodyBytes: number;
  /** For a client to show that it has received the end of an answer. */
  readonly receiptMs: number;
  /** For the end of a client's download to be known, before its next request is answered. */
  readonly settleMs: number;
}

export const HTTP_LIMITS: HttpLimits = {
  headersMs: 10_000,
  requestMs: 20_000,
  keepAliveMs: 5_000,
  stallMs: 60_000,
  headerBytes: 16 * 1024,
  bodyBytes: 16 * 1024,
  receiptMs: 15_000,
  settleMs: 1_000,
  connections: 250,
  connectionsPerAddress: 100,
};
