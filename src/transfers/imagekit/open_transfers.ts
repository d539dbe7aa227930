import type { Clock } from "../../async/clock.ts";
import { transferNotFound, transferUnderWay, wrongOperation } from "./errors.ts";
import { type DownloadState, parseTransferId, type UploadState } from "./transfer_id.ts";

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
