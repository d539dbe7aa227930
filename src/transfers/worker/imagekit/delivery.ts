import { deadline } from "../../../async/deadline.ts";
import { RemoteExecError } from "../../../errors.ts";
import type { BridgeTools } from "../bridge.ts";
import { emptyBody, resumableBody } from "../response_body.ts";
import { failureError, responseFailure, retried, ServiceFailure } from "./service_failure.ts";

/** Limit for the head of a response. */
const HEAD_MS = 30_000;
const ACTION = "fetch a file from ImageKit";

/** A stored file to be fetched. */
export interface Delivery extends Pick<BridgeTools, "fetch" | "clock"> {
  readonly signal: AbortSignal;
  readonly url: string;
  /** Bytes that the service reports as stored. */
  readonly size: number;
}

/**
 * Returns the stored bytes as a stream, resumed after a cut as long as the content is the same.
 *
 * @throws RemoteExecError when the first response is not good; the stream's errors are of the same kind
 */
export async function openDelivery(delivery: Delivery): Promise<ReadableStream<Uint8Array>> {
  const { clock, signal, size } = delivery;
  const first = await request(delivery, 0, null);
  const tag = first.headers.get("etag");
  const wrongLength = (how: string, bytes: number) =>
    failureError(
      ACTION,
      new ServiceFailure(undefined, `${how} ${bytes} of ${size} bytes arrived`),
    );
  return resumableBody({
    first: first.body ?? emptyBody(),
    size,
    async from(offset) {
      if (tag === null) throw wrongLength("only", offset);
      const response = await request(delivery, offset, tag);
      if (response.status === 206 && response.headers.get("etag") === tag) {
        return response.body ?? emptyBody();
      }
      await response.body?.cancel();
      const changed = "the file changed while it was fetched";
      throw failureError(ACTION, new ServiceFailure(response.status, changed));
    },
    isFinal: (error) => error instanceof RemoteExecError,
    lost: (offset) => wrongLength("only", offset),
    damaged: (offset) => wrongLength("more than", offset),
    signal,
    clock,
  });
}

/** Asks for the content from `offset` on. @throws RemoteExecError after the retries */
async function request(
  { fetch, url, clock, signal }: Delivery,
  offset: number,
  tag: string | null,
): Promise<Response> {
  const headers = {
    // Compressed bytes would have another length, and ranges of them another meaning.
    "accept-encoding": "identity",
    ...(offset === 0 ? {} : { range: `bytes=${offset}-`, "if-range": tag ?? "" }),
  };
  const ask = async () => {
    const response = await deadline(
      (both) => fetch(url, { signal: both, redirect: "error", headers }),
      HEAD_MS,
      { clock, signal, late: () => new TypeError(`no response in ${HEAD_MS / 1000} s`) },
    );
    if (response.ok) return response;
    await response.body?.cancel();
    throw responseFailure(response);
  };
  return await retried(ACTION, { clock, signal, isRepeatable: true }, ask);
}
