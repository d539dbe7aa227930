import type { RemoteExecError } from "../errors.ts";
import { discard, pack, unpack } from "./parcel.ts";
import { type Abort, fieldsOf, fromWire, type MessageEnd, type Request } from "./wire.ts";

/** The functions that another isolate exposes, and their end. */
export interface Remote<Port> {
  readonly port: Port;
  /** Every call that waits and every later one fails with this error. */
  fail(error: RemoteExecError): void;
}

/**
 * Calls functions that the other side exposes; see {@linkcode expose}. Arguments and answers are
 * copied, ports and streams handed over. A function among the arguments can be called back by the
 * other side until its answer arrives, with one value, and gives nothing back. An AbortSignal among
 * them cancels the call over there; the answer is still waited for.
 *
 * @param report is told of a defect that ends a stream among the arguments
 * @throws RemoteExecError each call, as the other side threw it
 */
export function remote<Port extends object>(
  end: MessageEnd,
  report: (defect: unknown) => void = () => {},
): Remote<Port> {
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let failure: RemoteExecError | undefined;
  end.addEventListener("message", ({ data }) => {
    try {
      settle(pending, data);
    } catch (error) {
      report(error); // a callback that does not get what it expects
    }
  });
  end.start?.();
  const call = (name: string, given: readonly unknown[]): Promise<unknown> => {
    if (failure !== undefined) return Promise.reject(failure);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = ++lastId;
    try {
      const { args, ...request } = toRequest(id, name, given);
      const { values, transfer } = pack(args, report);
      end.postMessage({ ...request, args: values } satisfies Request, [...transfer]);
    } catch (error) {
      return Promise.reject(error); // what cannot be copied is a defect of the caller
    }
    pending.set(id, { resolve, reject, callbacks: given });
    const forget = onAbort(given, () => end.postMessage({ id, aborted: true } satisfies Abort, []));
    return promise.finally(forget);
  };
  return {
    port: callsOf<Port>(call),
    fail(error) {
      failure = error;
      for (const { reject } of pending.values()) reject(error);
      pending.clear();
    },
  };
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** The arguments; those that are functions may be called. */
  readonly callbacks: readonly unknown[];
}

function toRequest(id: number, name: string, given: readonly unknown[]): Request {
  const callbacks = given.flatMap((value, index) => typeof value === "function" ? [index] : []);
  const signals = given.flatMap((value, index) => value instanceof AbortSignal ? [index] : []);
  const stays = new Set([...callbacks, ...signals]);
  const args = given.map((value, index) => stays.has(index) ? undefined : value);
  return { id, name, args, callbacks, signals };
}

/** Tells of each signal among the arguments that is aborted, at once if it is so already. */
function onAbort(given: readonly unknown[], tell: () => void): () => void {
  const signals = given.filter((value) => value instanceof AbortSignal);
  for (const signal of signals) {
    if (signal.aborted) tell();
    else signal.addEventListener("abort", tell);
  }
  return () => {
    for (const signal of signals) signal.removeEventListener("abort", tell);
  };
}

/** Takes an answer or a call back. What fits no call that waits is ignored. */
function settle(pending: Map<number, Pending>, data: unknown): void {
  const { id, callback, value, ...rest } = fieldsOf(data);
  const call = typeof id === "number" ? pending.get(id) : undefined;
  if (typeof id !== "number" || call === undefined) return discard(value);
  if (callback !== undefined) {
    const called = typeof callback === "number" ? call.callbacks[callback] : undefined;
    if (typeof called === "function") called(value);
    return;
  }
  pending.delete(id);
  if ("error" in rest) call.reject(fromWire(rest.error));
  else call.resolve(unpack(value));
}

function callsOf<Port extends object>(
  call: (name: string, args: readonly unknown[]) => Promise<unknown>,
): Port {
  const handler: ProxyHandler<object> = {
    get(_target, name) {
      // Not a promise: whoever awaits the port would call its `then`.
      if (typeof name !== "string" || name === "then") return undefined;
      return (...args: unknown[]) => call(name, args);
    },
  };
  return new Proxy({}, handler) as Port; // the handler answers for every function of Port
}
