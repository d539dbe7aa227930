import type { RemoteExecError } from "../errors.ts";
import { discard, pack, unpack } from "./parcel.ts";
import { type Abort, fieldsOf, fromWire, type MessageEnd, post, type Request } from "./wire.ts";

/** The functions that another isolate exposes. */
export interface Remote<Port> {
  readonly port: Port;
  /** Fails every pending call and every later one with this error. */
  fail(error: RemoteExecError): void;
}

/**
 * Returns a port whose functions run in the isolate that exposes them; see {@linkcode expose}.
 * Arguments and answers are copied; ports and streams are transferred. The peer can call a function
 * among the arguments with one value until its answer arrives; the function returns nothing to it.
 * An AbortSignal among the arguments aborts a signal there; the call still waits for the answer.
 *
 * @param report receives defects: a stream among the arguments that fails, a callback that throws
 * @throws RemoteExecError from each call, as the peer threw it
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
      report(error); // a callback that received something unexpected
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
      post(end, { ...request, args: values } satisfies Request, transfer);
    } catch (error) {
      return Promise.reject(error); // an argument that cannot be copied: a defect of the caller
    }
    pending.set(id, { resolve, reject, callbacks: given });
    const forget = onAbort(given, () => post(end, { id, aborted: true } satisfies Abort));
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
  /** The arguments; the peer may call those that are functions. */
  readonly callbacks: readonly unknown[];
}

function toRequest(id: number, name: string, given: readonly unknown[]): Request {
  const callbacks = given.flatMap((value, index) => typeof value === "function" ? [index] : []);
  const signals = given.flatMap((value, index) => value instanceof AbortSignal ? [index] : []);
  const stays = new Set([...callbacks, ...signals]);
  const args = given.map((value, index) => stays.has(index) ? undefined : value);
  return { id, name, args, callbacks, signals };
}

/** Calls `tell` when a signal among the arguments aborts, immediately for one that already has. */
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

/** Handles an answer or a callback. A message that fits no pending call is ignored. */
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
      // `await port` would call `then`.
      if (typeof name !== "string" || name === "then") return undefined;
      return (...args: unknown[]) => call(name, args);
    },
  };
  return new Proxy({}, handler) as Port; // the handler answers every name with a function
}
