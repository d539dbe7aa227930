import type { Clock } from "../../async/clock.ts";
import { transferNotFound, transferUnderWay, wrongOperation } from "./errors.ts";
import { Buffer } from "node:buffer";
import { z } from "zod";
import { isSameText, seal } from "./signed_names.ts";

interface States {
  upload: UploadState;
  download: DownloadState;
}

/** Which transfer_ids may be completed: sealed by us, for this host, in time, once at a time and once. */
export class OpenTransfers {
  readonly #privateKey: string;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #underWay = new Set<string>();
  /** Completed ones, with their expiry in Unix seconds: after it they are refused anyway. */
  readonly #completed = new Map<string, number>();

  constructor(privateKey: string, host: string, clock: Clock) {
    this.#privateKey = privateKey;
    this.#host = host;
    this.#clock = clock;
  }

  /**
   * Runs `work` for a transfer_id and takes it as completed when that succeeds.
   *
   * @throws RemoteExecError `not_found` for an id that is not open, `busy`, and what `work` throws
   */
  async complete<Kind extends keyof States, T>(
    transferId: string,
    operation: Kind,
    work: (state: States[Kind]) => Promise<T>,
  ): Promise<T> {
    const state = parseTransferId(this.#privateKey, transferId);
    const nowS = this.#clock.now() / 1000;
    if (state === undefined || state.host !== this.#host || state.expiresAt <= nowS) {
      throw transferNotFound();
    }
    if (this.#completed.has(state.name)) throw transferNotFound();
    if (!isOf(state, operation)) throw wrongOperation(transferId, operation);
    if (this.#underWay.has(state.name)) throw transferUnderWay();
    this.#underWay.add(state.name);
    try {
      const result = await work(state);
      this.#forget(nowS);
      this.#completed.set(state.name, state.expiresAt);
      return result;
    } finally {
      this.#underWay.delete(state.name);
    }
  }

  #forget(nowS: number): void {
    for (const [name, expiresAt] of this.#completed) {
      if (expiresAt <= nowS) this.#completed.delete(name);
    }
  }
}

function isOf<Kind extends keyof States>(
  state: UploadState | DownloadState,
  operation: Kind,
): state is States[Kind] {
  return state.operation === operation;
}

const shared = {
  /** The host that the transfer was asked for; another server of the same account may have another. */
  host: z.string(),
  path: z.string(),
  ctid: z.number().int().optional(),
  /** Name of the object in the configured folder. */
  name: z.string(),
  issuedAtMs: z.number().int(),
  /** Unix seconds. */
  expiresAt: z.number().int(),
};

const stateSchema = z.discriminatedUnion("operation", [
  z.strictObject({
    operation: z.literal("upload"),
    ...shared,
    /** Octal digits as the caller wrote them. */
    permissions: z.number().int().optional(),
    overwrite: z.boolean(),
  }),
  z.strictObject({
    operation: z.literal("download"),
    ...shared,
    fileId: z.string(),
    bytes: z.number().int(),
  }),
]);

/** Everything about a transfer under way. No server keeps it: the transfer_id carries it. */
export type TransferState = z.infer<typeof stateSchema>;
export type UploadState = Extract<TransferState, { operation: "upload" }>;
export type DownloadState = Extract<TransferState, { operation: "download" }>;

/** Writes a state as a transfer_id: readable by anyone, sealed with the private key. */
export function formatTransferId(privateKey: string, state: TransferState): string {
  const body = Buffer.from(JSON.stringify(state)).toString("base64url");
  return `${body}.${sealOf(privateKey, body)}`;
}

/**
 * Reads a transfer_id; undefined unless {@linkcode formatTransferId} wrote exactly this text with the
 * same private key. Says nothing about its expiry.
 */
export function parseTransferId(privateKey: string, transferId: string): TransferState | undefined {
  const [body = "", mark = "", ...more] = transferId.split(".");
  // Texts are compared, not bytes: several texts decode to the same bytes.
  if (more.length > 0 || !isSameText(mark, sealOf(privateKey, body))) return undefined;
  try {
    return stateSchema.parse(JSON.parse(Buffer.from(body, "base64url").toString()));
  } catch {
    // Sealed by another version of this program.
    return undefined;
  }
}

const sealOf = (privateKey: string, body: string): string =>
  Buffer.from(seal(privateKey, "transfer_id", body)).toString("base64url");
