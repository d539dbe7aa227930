import { createHash } from "node:crypto";
import { abortable } from "../../../async/abortable.ts";
import type { Clock } from "../../../async/clock.ts";
import { deadline } from "../../../async/deadline.ts";
import { ByteReader } from "../../../bytes/byte_reader.ts";
import { type ErrorCode, RemoteExecError } from "../../../errors.ts";
import type { BridgeCall, PutSource } from "../bridge.ts";
import { fileTooLarge, sourceChanged } from "../../errors.ts";
import type { S3Client } from "./s3_client.ts";
import { metadataHeaders } from "../../exchange/object_metadata.ts";
import { HASH_BESIDE } from "./stored_hash.ts";
import { withQuery } from "../../exchange/object_url.ts";
import { xmlElements, xmlValue } from "./s3_xml.ts";

const MIB = 1_048_576;
/** Source: S3 and R2 limits. A part has at least 5 MiB, and all but the last have the same length. */
const MAX_PARTS = 10_000;
/** Larger files are sent in parts. Memory holds each part on its way, and one that is being filled. */
export const DEFAULT_PART_BYTES = 8 * MIB;
const PARTS_AT_ONCE = 2;
const COMPLETE_LIMIT_MS = 300_000;
const ABORT_LIMIT_MS = 5_000;
/** Codes of failures after which the object may be stored all the same. */
const UNCERTAIN: readonly ErrorCode[] = ["unreachable", "refused_by_service"];

/** Returns the part length for a file, so that max 10,000 parts are needed. */
export function partBytesFor(size: number, minBytes = DEFAULT_PART_BYTES): number {
  const needed = Math.ceil(Math.ceil(size / MAX_PARTS) / MIB) * MIB;
  return Math.max(minBytes, needed);
}

/** A running upload. */
export interface Upload {
  readonly client: S3Client;
  readonly url: URL;
  /** Of the object that holds the hash, if the file is sent in parts. */
  readonly hashUrl: URL;
  readonly action: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly source: PutSource;
  readonly call: BridgeCall;
  readonly minPartBytes: number;
  readonly clock: Clock;
}

/** What was sent. */
export interface Uploaded {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Sends a file, in parts if it does not fit into one. Releases the stream in any case. */
export async function upload(job: Upload): Promise<Uploaded> {
  const { source, call } = job;
  const reader = new ByteReader(source.stream, call.signal);
  try {
    if (source.size > source.maxBytes) throw tooLarge(source, source.size);
    const first = new Uint8Array(partBytesFor(source.size, job.minPartBytes));
    const length = await reader.fill(first);
    return await reader.hasMore()
      ? await uploadInParts(job, reader, first)
      : await uploadAtOnce(job, first.subarray(0, length));
  } catch (error) {
    reader.cancel(error);
    throw error;
  }
}

async function uploadAtOnce(job: Upload, body: Uint8Array<ArrayBuffer>): Promise<Uploaded> {
  const { client, url, action, call, source } = job;
  checkLength(source, body.length);
  const sha256 = createHash("sha256").update(body).digest("hex");
  const headers = { ...job.headers, "x-amz-meta-sha256": sha256 };
  await orDeleted(
    job,
    () => client.text({ action, method: "PUT", url, headers, body, signal: call.signal }),
  );
  call.progress?.({ bytes: body.length, total: body.length });
  return { bytes: body.length, sha256 };
}

async function uploadInParts(
  job: Upload,
  reader: ByteReader,
  first: Uint8Array<ArrayBuffer>,
): Promise<Uploaded> {
  const { source, call } = job;
  const hashing = source.size > 0 ? abortable(source.sha256(), call.signal) : undefined;
  hashing?.catch(() => {}); // reported below, when it is awaited
  const uploadId = await start(job);
  try {
    const { etags, ...sent } = await sendParts(job, uploadId, reader, first);
    checkLength(source, sent.bytes);
    if ((await hashing ?? sent.sha256) !== sent.sha256) {
      throw sourceChanged(source.label, "its sha256 is different now");
    }
    await storeHash(job, sent.sha256);
    await orDeleted(job, () => complete(job, uploadId, etags));
    return sent;
  } catch (error) {
    await Promise.all([deleteUpload(job, { uploadId }), deleteHash(job)]);
    throw error;
  }
}

/** Metadata is fixed when an upload in parts starts, so the hash is stored as an object of its own. */
async function storeHash({ client, hashUrl: url, action, call }: Upload, sha256: string) {
  const headers = { "x-amz-meta-sha256": sha256, "content-type": "text/plain" };
  const body = new TextEncoder().encode(`${sha256}\n`);
  await client.text({ action, method: "PUT", url, headers, body, signal: call.signal });
}

async function start(job: Upload): Promise<string> {
  const { client, url, action, call } = job;
  const headers = { ...job.headers, ...metadataHeaders(HASH_BESIDE) };
  const { body, status } = await client.text({
    action,
    method: "POST",
    url: withQuery(url, { uploads: "" }),
    headers,
    signal: call.signal,
  });
  const uploadId = xmlValue(body, "UploadId");
  if (uploadId !== undefined) return uploadId;
  const message = "the response contains no UploadId";
  throw client.errorOf(action, { status, code: "", message, dateMs: undefined });
}

async function sendParts(
  job: Upload,
  uploadId: string,
  reader: ByteReader,
  first: Uint8Array<ArrayBuffer>,
): Promise<Uploaded & { etags: string[] }> {
  const stop = new AbortController();
  const signal = AbortSignal.any([job.call.signal, stop.signal]);
  const hash = createHash("sha256");
  const etags: string[] = [];
  const free: Uint8Array<ArrayBuffer>[] = [];
  const running = new Set<Promise<void>>();
  const sent = { bytes: 0 };
  // Stored, because a part may fail while this function waits for the next bytes.
  let failure: { readonly error: unknown } | undefined;
  const checkParts = () => {
    if (failure !== undefined) throw failure.error;
  };
  const send = (number: number, buffer: Uint8Array<ArrayBuffer>, length: number) => {
    const part = buffer.subarray(0, length);
    const task = sendPart(job, uploadId, number, part, signal).then((etag) => {
      etags[number - 1] = etag;
      sent.bytes += length;
      job.call.progress?.({
        bytes: sent.bytes,
        ...(job.source.size > 0 ? { total: job.source.size } : {}),
      });
      free.push(buffer);
    }).catch((error) => {
      failure ??= { error };
    }).finally(() => running.delete(task));
    running.add(task);
    hash.update(part);
  };
  try {
    let read = first.length;
    send(1, first, first.length);
    for (let number = 2; await reader.hasMore(); number += 1) {
      if (running.size >= PARTS_AT_ONCE) await Promise.race(running);
      checkParts();
      const buffer = free.pop() ?? new Uint8Array(first.length);
      const length = await reader.fill(buffer);
      read += length;
      checkGrowth(job.source, read);
      send(number, buffer, length);
    }
    await Promise.all(running);
    checkParts();
    return { bytes: sent.bytes, sha256: hash.digest("hex"), etags };
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(running);
    throw error;
  }
}

async function sendPart(
  { client, url, action }: Upload,
  uploadId: string,
  number: number,
  body: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<string> {
  const { headers } = await client.text({
    action,
    method: "PUT",
    url: withQuery(url, { partNumber: String(number), uploadId }),
    body,
    signal,
  });
  return headers.get("etag") ?? "";
}

/** Completes the upload. A lost response does no harm: {@link S3Client} retries, and the caller compares the object. */
async function complete(job: Upload, uploadId: string, etags: readonly string[]): Promise<void> {
  const { client, url, action, call } = job;
  const lines = etags.map((etag, index) =>
    `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`
  );
  const xml = `<CompleteMultipartUpload>${lines.join("")}</CompleteMultipartUpload>`;
  const answer = await client.askText({
    action,
    method: "POST",
    url: withQuery(url, { uploadId }),
    body: new TextEncoder().encode(xml),
    signal: call.signal,
    limitMs: COMPLETE_LIMIT_MS,
  });
  // An attempt whose response was lost has completed it; the caller compares the object.
  if (!answer.ok && answer.refusal.code === "NoSuchUpload") return;
  const { body } = client.insist(action, answer);
  // S3 may start its response before it knows the result: status 200 with an error inside.
  if (xmlElements(body, "Error").length > 0) {
    const refusal = {
      status: 500,
      code: xmlValue(body, "Code") ?? "",
      message: xmlValue(body, "Message") ?? "",
      dateMs: undefined,
    };
    throw client.errorOf(action, refusal);
  }
}

/** Runs a step that stores the object, and deletes the object if the result is unknown. */
async function orDeleted<T>(job: Upload, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    const isUncertain = job.call.signal.aborted ||
      (error instanceof RemoteExecError && UNCERTAIN.includes(error.code));
    if (isUncertain) await deleteUpload(job);
    throw error;
  }
}

/** Deletes the object, or the parts of an upload. The sweep deletes what fails here. */
export const deleteUpload = (job: Upload, query: Readonly<Record<string, string>> = {}) =>
  deleteAt(job, withQuery(job.url, query));

/** Deletes the object that holds the hash. The sweep deletes what fails here. */
export const deleteHash = (job: Upload) => deleteAt(job, job.hashUrl);

async function deleteAt({ client, action, clock }: Upload, url: URL): Promise<void> {
  const remove = (signal: AbortSignal) => client.askText({ action, method: "DELETE", url, signal });
  // The call may be cancelled already, so its signal is not used.
  await deadline(remove, ABORT_LIMIT_MS, { clock }).catch(() => {});
}

function checkLength(source: PutSource, bytes: number): void {
  checkGrowth(source, bytes);
  if (source.size > 0 && bytes < source.size) {
    throw sourceChanged(source.label, `it has only ${bytes} of ${source.size} bytes`);
  }
}

function checkGrowth(source: PutSource, bytes: number): void {
  if (bytes > source.maxBytes) throw tooLarge(source, bytes);
  if (source.size > 0 && bytes > source.size) {
    throw sourceChanged(source.label, `it has more than ${source.size} bytes`);
  }
}

const tooLarge = ({ label, maxBytes }: PutSource, bytes: number) =>
  fileTooLarge(label, bytes, maxBytes, "r2");
