import { internalError } from "../errors.ts";
import type { Logger } from "../log.ts";
import {
  type Answer,
  type CallBack,
  fieldsOf,
  handedOver,
  type MessageEnd,
  toWire,
} from "./wire.ts";

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Answers calls from the other isolate with the functions of `port`, and with nothing else: a name
 * that is not one of its own functions is refused, and nothing can be read, set or constructed, so
 * that a hijacked isolate gets no further than the calls that it was given. See {@linkcode remote}.
 */
export function expose(
  port: object,
  logger: Logger,
  end: MessageEnd = globalThis as unknown as MessageEnd, // a worker's own scope is one
): void {
  const functions = new Map(
    Object.entries(port).filter((entry): entry is [string, AnyFunction] =>
      typeof entry[1] === "function"
    ),
  );
  const report = (defect: unknown) => logger.error("defect in a worker", defect);
  end.addEventListener("message", async ({ data }) => {
    const { id, name, args, callbacks } = fieldsOf(data);
    if (typeof id !== "number") return;
    const called = typeof name === "string" ? functions.get(name) : undefined;
    const request = { id, args, callbacks };
    await answer(end, id, report, () => run(end, port, called, request));
  });
  end.start?.();
}

/** A request as it came: nothing of it is known to be what it should be. */
interface GivenRequest {
  readonly id: number;
  readonly args: unknown;
  readonly callbacks: unknown;
}

async function run(
  end: MessageEnd,
  port: object,
  called: AnyFunction | undefined,
  { id, args, callbacks }: GivenRequest,
): Promise<unknown> {
  if (called === undefined || !Array.isArray(args) || !Array.isArray(callbacks)) throw refused();
  let ended = false;
  const callBack = (callback: number) => (value: unknown) => {
    const message: CallBack = { id, callback, value };
    if (!ended) end.postMessage(message, []);
  };
  const complete = args.map((value, index) => callbacks.includes(index) ? callBack(index) : value);
  try {
    return await called.apply(port, complete);
  } finally {
    ended = true;
  }
}

async function answer(
  end: MessageEnd,
  id: number,
  report: (defect: unknown) => void,
  task: () => Promise<unknown>,
): Promise<void> {
  const send = (message: Answer, given: readonly unknown[] = []) =>
    end.postMessage(message, handedOver(given));
  try {
    const value = await task();
    send({ id, value }, [value]);
  } catch (error) {
    send({ id, error: toWire(error, report) });
  }
}

const refused = () => internalError("the other side asked for what is not exposed");

/**
 * Keeps the worker alive when a promise is rejected or a library throws in a callback:
 * the call it belongs to fails by its deadline, all others go on.
 */
export function surviveDefects(logger: Logger): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    logger.error("unhandled rejection in a worker", event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    logger.error("unhandled error in a worker", event.error ?? event.message);
  });
}
