import type { Clock } from "../../async/clock.ts";
import { transferNotFound, transferUnderWay, wrongOperation } from "./errors.ts";
import { Buffer } from "node:buffer";
import * as z from "zod";
import { isSameText, seal } from "./signed_names.ts";

interface States {
  upload: UploadState;
  download: DownloadState;
}

/**
 * Decides which transfer_ids may be completed: only our own, for this host, before they expire, and
 * once.
 */
export class OpenTransfers {
  readonly #privateKey: string;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #underWay = new Set<string>();
  /** Completed transfers with their expiry in Unix seconds; expired ids are refused anyway. */
  readonly #completed = new Map<string, number>();

  constructor(privateKey: string, host: string, clock: Clock) {
    this.#privateKey = privateKey;
    this.#host = host;
    this.#clock = clock;
  }

  /**
   * Runs `work` for a transfer_id. The id counts as completed when the work succeeds.
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
  /** Host of the transfer; another server with the same account may serve another host. */
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
    /** Octal digits, as the caller wrote them. */
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

/** Everything about an open transfer. No server stores it: the transfer_id contains it. */
export type TransferState = z.infer<typeof stateSchema>;
export type UploadState = Extract<TransferState, { operation: "upload" }>;
export type DownloadState = Extract<TransferState, { operation: "download" }>;

/** Formats a state as a transfer_id. Anybody can read it; only the private key can seal it. */
export function formatTransferId(privateKey: string, state: TransferState): string {
  const body = Buffer.from(JSON.stringify(state)).toString("base64url");
  return `${body}.${sealOf(privateKey, body)}`;
}

/**
 * Parses a transfer_id. Returns undefined unless {@linkcode formatTransferId} made exactly this text
 * with the same private key. Does not check the expiry.
 */
export function parseTransferId(privateKey: string, transferId: string): TransferState | undefined {
  const [body = "", mark = "", ...more] = transferId.split(".");
  // Compares texts, not bytes: several base64 texts decode to the same bytes.
  if (more.length > 0 || !isSameText(mark, sealOf(privateKey, body))) return undefined;
  try {
    return stateSchema.parse(JSON.parse(Buffer.from(body, "base64url").toString()));
  } catch {
    // Made by another version of this program.
    return undefined;
  }
}

const sealOf = (privateKey: string, body: string): string =>
  Buffer.from(seal(privateKey, "transfer_id", body)).toString("base64url");
