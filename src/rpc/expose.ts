import { cancelled, internalError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { pack, streamsIn, unpack } from "./parcel.ts";
import { type Answer, type CallBack, fieldsOf, type MessageEnd, post, toWire } from "./wire.ts";

type AnyFunction = (...args: unknown[]) => unknown;

/** The calls that run here now. */
export interface RunningCalls {
  /** Aborts the signal of each call. */
  cancelAll(): void;
}

/**
 * Answers calls of the peer with the functions of `port`; see {@linkcode remote}. Any other name is
 * refused, and nothing can be read, set or constructed: a hijacked isolate can only make these calls.
 */
export function expose(
  port: object,
  logger: Logger,
  end: MessageEnd = globalThis as unknown as MessageEnd, // a worker's global scope is one
): RunningCalls {
  const functions = new Map(
    Object.entries(port).filter((entry): entry is [string, AnyFunction] =>
      typeof entry[1] === "function"
    ),
  );
  const running = new Map<number, AbortController>();
  const report = (defect: unknown) => logger.error("defect in a call", defect);
  end.addEventListener("message", async ({ data }) => {
    const { id, name, aborted, args, callbacks, signals } = fieldsOf(data);
    if (typeof id !== "number") return;
    if (aborted === true) return running.get(id)?.abort(cancelled());
    if (running.has(id)) return;
    const called = typeof name === "string" ? functions.get(name) : undefined;
    const controller = new AbortController();
    running.set(id, controller);
    const given = { id, args, callbacks, signals };
    await answer(end, id, report, () => run(end, port, called, given, controller.signal));
    running.delete(id);
  });
  end.start?.();
  return {
    cancelAll() {
      for (const controller of running.values()) controller.abort(cancelled());
    },
  };
}

/** A request as received: its fields are not checked yet. */
interface GivenRequest {
  readonly id: number;
  readonly args: unknown;
  readonly callbacks: unknown;
  readonly signals: unknown;
}

async function run(
  end: MessageEnd,
  port: object,
  called: AnyFunction | undefined,
  { id, args, callbacks, signals }: GivenRequest,
  signal: AbortSignal,
): Promise<unknown> {
  if (called === undefined || !isShort(args)) throw refused();
  if (!isShort(callbacks) || !isShort(signals)) throw refused();
  let ended = false;
  const callBack = (callback: number) => (value: unknown) => {
    const message: CallBack = { id, callback, value };
    if (!ended) post(end, message);
  };
  const complete = args.map((value: unknown, index) => {
    if (signals.includes(index)) return signal;
    return callbacks.includes(index) ? callBack(index) : unpack(value);
  });
  let value: unknown;
  try {
    return value = await called.apply(port, complete);
  } finally {
    ended = true;
    // A stream that was not read would stay open at the peer.
    const kept = streamsIn([value]);
    for (const stream of streamsIn(complete)) {
      if (!stream.locked && !kept.includes(stream)) stream.cancel().catch(() => {});
    }
  }
}

async function answer(
  end: MessageEnd,
  id: number,
  report: (defect: unknown) => void,
  task: () => Promise<unknown>,
): Promise<void> {
  try {
    const { values: [value], transfer } = pack([await task()], report);
    post(end, { id, value } satisfies Answer, transfer);
  } catch (error) {
    post(end, { id, error: toWire(error, report) } satisfies Answer);
  }
}

/** No function of a port has more arguments; a hijacked isolate may send a list of any length. */
const MAX_ARGUMENTS = 8;

const isShort = (given: unknown): given is unknown[] =>
  Array.isArray(given) && given.length <= MAX_ARGUMENTS;

const refused = () => internalError("the peer called something that is not exposed");

/**
 * Keeps a worker alive when a promise is rejected or a library throws in a callback. The call that
 * it belongs to fails at its time limit; all others continue.
 */
export function surviveDefects(logger: Logger): void {
  const log = (...parts: unknown[]) => logger.info(parts.map(String).join(" "));
  // Deno writes a worker's console.log to stdout, where it would corrupt MCP.
  Object.assign(globalThis.console, { log, info: log, debug: log, table: log, dir: log });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    logger.error("unhandled rejection in a worker", event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    logger.error("unhandled error in a worker", event.error ?? event.message);
  });
}
