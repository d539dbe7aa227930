/** The id of a request, in the form that JSON-RPC allows. */
export type RequestId = string | number;

/**
 * The requests that have no answer yet. Each gets an id that is unique among them, so that answers and
 * cancellations work although a client uses one id twice, or a number with a fraction, which the SDK
 * refuses.
 */
export class OpenRequests {
  /** Ids that the client used, by the ids that the SDK sees. */
  readonly #clientIds = new Map<RequestId, RequestId>();
  #nextAlias = 1;

  get size(): number {
    return this.#clientIds.size;
  }

  /** Adds a request. @returns the id to use for it: the client's own unless that is in use or unusual */
  add(clientId: RequestId): RequestId {
    const isUsual = typeof clientId === "string" || Number.isSafeInteger(clientId);
    const id = isUsual && !this.#clientIds.has(clientId) ? clientId : this.#alias();
    this.#clientIds.set(id, clientId);
    return id;
  }

  /** Removes an answered request. @returns the client's id; undefined if the request is not open */
  close(id: RequestId): RequestId | undefined {
    const clientId = this.#clientIds.get(id);
    this.#clientIds.delete(id);
    return clientId;
  }

  /** Removes the requests that the client cancels. @returns their ids */
  cancel(clientId: unknown): RequestId[] {
    const ids = [...this.#clientIds].filter(([, each]) => each === clientId).map(([id]) => id);
    for (const id of ids) this.#clientIds.delete(id);
    return ids;
  }

  #alias(): string {
    for (;;) {
      const alias = `#${this.#nextAlias++}`;
      if (!this.#clientIds.has(alias)) return alias;
    }
  }
}
