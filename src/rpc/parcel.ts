import { receiveStream, sendStream } from "./stream.ts";
import { isPlain } from "./wire.ts";

/** Values that are ready to cross, and what is handed over with them. */
export interface Parcel {
  readonly values: readonly unknown[];
  readonly transfer: readonly Transferable[];
}

/** A stream of bytes as it crosses: the port that it comes over. */
interface SentStream {
  readonly sentStream: MessagePort;
}

/**
 * Makes values ready to cross the border between isolates. All of them are copied but ports, which
 * are handed over, and streams of bytes: those among the values, and those that are fields of an
 * object among them. {@linkcode unpack} is the other side's part.
 */
export function pack(values: readonly unknown[], report: (defect: unknown) => void): Parcel {
  const transfer: Transferable[] = [];
  const prepare = (value: unknown): unknown => {
    if (value instanceof MessagePort) transfer.push(value);
    if (!(value instanceof ReadableStream)) return value;
    const sentStream = sendStream(value, report);
    transfer.push(sentStream);
    return { sentStream } satisfies SentStream;
  };
  return { values: values.map((value) => withFields(prepare(value), prepare)), transfer };
}

/** The value as it was before {@linkcode pack}: streams are streams again. */
export const unpack = (value: unknown): unknown => withFields(received(value), received);

/** Lets go of the streams among values that nobody wants. */
export function discard(value: unknown): void {
  for (const stream of streamsIn([unpack(value)])) stream.cancel().catch(() => {});
}

/** The streams among the values and their fields. */
export const streamsIn = (values: readonly unknown[]): ReadableStream[] =>
  values.flatMap((value) => isPlain(value) ? [value, ...Object.values(value)] : [value])
    .filter((value) => value instanceof ReadableStream);

const received = (value: unknown): unknown =>
  isSentStream(value) ? receiveStream(value.sentStream) : value;

const isSentStream = (value: unknown): value is SentStream =>
  isPlain(value) && value.sentStream instanceof MessagePort;

function withFields(value: unknown, change: (field: unknown) => unknown): unknown {
  if (!isPlain(value) || isSentStream(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, change(field)]));
}
