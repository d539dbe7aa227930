import type { R2Config } from "../../../config/config.ts";
import { RemoteExecError } from "../../../errors.ts";
import type { Check } from "../../../ssh/port.ts";
import {
  type Bridge,
  type BridgeCall,
  type BridgeTools,
  type NewObject,
  type OpenedObject,
  type PutOutcome,
  type PutSource,
  runCheck,
} from "../bridge.ts";
import {
  fileTooLarge,
  objectChanged,
  objectDamaged,
  transferMissing,
  urlExpired,
  urlInvalid,
  wrongClock,
} from "../../errors.ts";
import { parseObjectName } from "../../exchange/transfer_names.ts";
import type {
  ListProgress,
  ObjectRef,
  Removal,
  StoredObject,
  TicketRequest,
  UploadTicket,
} from "../../port.ts";
import { type S3Answer, S3Client, type S3Success } from "./s3_client.ts";
import { resumableBody } from "../response_body.ts";
import { isExpired, type S3Refusal } from "./s3_errors.ts";
import { listKeys, sweep } from "./listing.ts";
import {
  contentMd5,
  encodeStrictly,
  metadataHeaders,
  readObject,
} from "../../exchange/object_metadata.ts";
import {
  bucketUrl,
  hashUrl,
  isUrlExpired,
  objectUrl,
  withQuery,
  withSignatureOf,
} from "../../exchange/object_url.ts";
import { findSha256, hasHashBeside } from "./stored_hash.ts";
import { DEFAULT_PART_BYTES, deleteHash, deleteUpload, upload } from "./upload.ts";
import { pooledMap } from "../../../async/pooled_map.ts";

const HEADS_AT_ONCE = 8;
/** Objects per progress report of a listing. */
const PROGRESS_EVERY = 50;
/** Statuses of a HEAD that have several causes: object, bucket, clock, key, region or permission. */
const AMBIGUOUS = new Set([400, 401, 403, 404]);
const CONTENT_TYPE = "application/octet-stream";

/** Options for tests. */
export interface R2Options {
  /** Minimum length of a part. */
  readonly partBytes?: number;
}

/** The driver for Cloudflare R2 and other S3 services. Names are `{source_client}/{transfer_id}`. */
export class R2Bridge implements Bridge {
  readonly name = "r2";
  readonly #config: R2Config;
  readonly #tools: BridgeTools;
  readonly #client: S3Client;
  readonly #partBytes: number;

  constructor(config: R2Config, tools: BridgeTools, options: R2Options = {}) {
    this.#config = config;
    this.#tools = tools;
    this.#client = new S3Client(config, tools);
    this.#partBytes = options.partBytes ?? DEFAULT_PART_BYTES;
  }

  async put(object: NewObject, source: PutSource, call: BridgeCall): Promise<PutOutcome> {
    const job = {
      client: this.#client,
      url: objectUrl(this.#config, object.name),
      hashUrl: hashUrl(this.#config, object.name),
      action: `upload ${source.label}`,
      headers: { ...metadataHeaders(object.metadata), "content-type": CONTENT_TYPE },
      source,
      call,
      minPartBytes: this.#partBytes,
      clock: this.#tools.clock,
    };
    const { bytes, sha256 } = await upload(job);
    try {
      const stored = await this.find(object, call);
      if (stored === undefined || stored.size !== bytes) throw objectDamaged(object.name);
      return { object: stored, sha256 };
    } catch (error) {
      await Promise.all([deleteUpload(job), deleteHash(job)]);
      throw error;
    }
  }

  async open(ref: ObjectRef, maxBytes: number, call: BridgeCall): Promise<OpenedObject> {
    const answer = await this.#get(
      ref,
      ref.id === undefined ? {} : { "if-match": `"${ref.id}"` },
      call,
    );
    const { headers, body } = this.#opened(ref, answer);
    const object = readObject(ref.name, headers, this.#tools.clock.now());
    if (object.size > maxBytes) {
      await body.cancel();
      throw fileTooLarge(filenameOf(ref.name), object.size, maxBytes, "r2");
    }
    const sha256 = await this.#sha256(object, call).catch(async (error) => {
      await body.cancel();
      throw error;
    });
    const md5 = sha256 === undefined ? contentMd5(object.id, headers) : undefined;
    return {
      object,
      sha256,
      selfProving: md5 !== undefined,
      stream: resumableBody({
        first: body,
        size: object.size,
        from: (offset) => this.#resume(ref, object, offset, call),
        isFinal: (error) => error instanceof RemoteExecError && error.code !== "unreachable",
        lost: connectionLost(ref.name),
        damaged: () => objectDamaged(filenameOf(ref.name)),
        md5,
        signal: call.signal,
        clock: this.#tools.clock,
      }),
    };
  }

  async find(ref: ObjectRef, call: BridgeCall): Promise<StoredObject | undefined> {
    const action = `look for ${filenameOf(ref.name)}`;
    const url = objectUrl(this.#config, ref.name);
    const answer = await this.#client.askText({ action, method: "HEAD", url, signal: call.signal });
    if (!answer.ok) return await this.#refusedHead(action, answer.refusal, call);
    const object = readObject(ref.name, answer.headers, this.#tools.clock.now());
    const sha256 = await this.#sha256(object, call);
    return sha256 === undefined ? object : { ...object, metadata: { ...object.metadata, sha256 } };
  }

  async list(
    prefix: string,
    call: BridgeCall,
    progress?: (step: ListProgress) => void,
  ): Promise<StoredObject[]> {
    const listed = await listKeys(this.#client, this.#config, prefix, call.signal);
    let read = 0;
    // A listing contains no metadata, so each object is requested.
    const found = await pooledMap(listed, HEADS_AT_ONCE, async ({ name }) => {
      const object = await this.find({ name }, call);
      if (++read % PROGRESS_EVERY === 0) progress?.({ read, total: listed.length });
      return object;
    });
    return found.filter((object) => object !== undefined);
  }

  async remove(ref: ObjectRef, call: BridgeCall): Promise<Removal> {
    // S3 reports success for a missing object too, so it is looked up first.
    const found = await this.find(ref, call);
    const action = `delete ${filenameOf(ref.name)}`;
    const { signal } = call;
    const urls = [objectUrl(this.#config, ref.name)];
    if (found !== undefined && hasHashBeside(found)) urls.push(hashUrl(this.#config, ref.name));
    for (const url of urls) await this.#client.text({ action, method: "DELETE", url, signal });
    return { existed: found !== undefined };
  }

  async uploadTicket(request: Omit<TicketRequest, "bridge">): Promise<UploadTicket> {
    const writeOnce = hasWriteOnce(this.#config.endpoint);
    const headers = {
      ...metadataHeaders(request.metadata),
      ...(writeOnce ? { "If-None-Match": "*" } : {}),
    };
    // The length is signed but not listed, because every client sends it by itself.
    const signed = request.size === undefined
      ? headers
      : { ...headers, "content-length": String(request.size) };
    const url = objectUrl(this.#config, request.name);
    return {
      method: "PUT",
      url: await this.#client.presign("PUT", url, request.expiresAtMs, signed),
      headers,
      fields: [],
      expiresAtMs: request.expiresAtMs,
      writeOnce,
    };
  }

  async downloadUrl(ref: ObjectRef, expiresAtMs: number): Promise<string> {
    const url = objectUrl(this.#config, ref.name);
    // Makes a browser save the file under its own name instead of showing it.
    const name = encodeStrictly(filenameOf(ref.name));
    url.searchParams.set("response-content-disposition", `attachment; filename*=UTF-8''${name}`);
    return await this.#client.presign("GET", url, expiresAtMs);
  }

  async sweep(call: BridgeCall): Promise<number> {
    return await sweep(this.#client, this.#config, this.#tools.clock.now(), call.signal);
  }

  async diagnose(call: BridgeCall): Promise<Check[]> {
    return await runCheck(`R2 exchange: bucket ${this.#config.bucket}`, async () => {
      const startedAt = performance.now();
      const action = "list the bucket";
      this.#client.insist(action, await this.#askBucket(action, call));
      const clock = wrongClock("The service may refuse requests", "r2", this.#client.aheadMs);
      if (clock !== undefined) throw clock;
      return `answers in ${Math.round(performance.now() - startedAt)} ms`;
    });
  }

  clockAheadMs(): number | undefined {
    return this.#client.aheadMs;
  }

  /**
   * Explains a refused HEAD. Its response has no body: a missing object and a missing bucket look alike,
   * and so do a wrong clock and a wrong key. A request to the bucket returns an explanation.
   */
  async #refusedHead(action: string, head: S3Refusal, call: BridgeCall): Promise<undefined> {
    const bucket = AMBIGUOUS.has(head.status) ? await this.#askBucket(action, call) : undefined;
    const isExplained = bucket?.ok === false && bucket.refusal.status === head.status;
    if (isExplained) throw this.#client.errorOf(action, bucket.refusal);
    if (head.status !== 404) throw this.#client.errorOf(action, head);
  }

  #sha256(object: StoredObject, { signal }: BridgeCall): Promise<string | undefined> {
    return findSha256(this.#client, this.#config, object, signal);
  }

  #askBucket(action: string, { signal }: BridgeCall): Promise<S3Answer<string>> {
    const url = withQuery(bucketUrl(this.#config), { "list-type": "2", "max-keys": "1" });
    return this.#client.askText({ action, method: "GET", url, signal });
  }

  async #get(ref: ObjectRef, headers: Record<string, string>, { signal }: BridgeCall) {
    const presigned = ref.url !== undefined;
    return await this.#client.askStream({
      action: `download ${filenameOf(ref.name)}`,
      method: "GET",
      url: ref.url === undefined
        ? objectUrl(this.#config, ref.name)
        : withSignatureOf(this.#config, ref.name, ref.url),
      headers,
      signal,
      presigned,
    });
  }

  #opened<Body>(ref: ObjectRef, answer: S3Answer<Body>): S3Success<Body> {
    if (answer.ok) return answer;
    throw this.#refusedDownload(ref, answer.refusal);
  }

  #refusedDownload(ref: ObjectRef, refusal: S3Refusal): RemoteExecError {
    const { status, code } = refusal;
    if (status === 404 && code !== "NoSuchBucket") return transferMissing(transferIdOf(ref.name));
    if (status === 412) return objectChanged(filenameOf(ref.name));
    if (ref.url !== undefined) {
      if (isExpired(refusal) || isUrlExpired(ref.url, this.#tools.clock.now())) return urlExpired();
      if ([400, 401, 403].includes(status)) return urlInvalid();
    }
    return this.#client.errorOf(`download ${filenameOf(ref.name)}`, refusal);
  }

  async #resume(ref: ObjectRef, object: StoredObject, offset: number, call: BridgeCall) {
    const headers = { "range": `bytes=${offset}-`, "if-match": `"${object.id}"` };
    const answer = await this.#get(ref, headers, call);
    const { status, body } = this.#opened(ref, answer);
    if (status === 206) return body;
    await body.cancel();
    throw connectionLost(ref.name)(offset, "the service does not resume there");
  }
}

/** R2 supports `If-None-Match` for PUT; other services may answer 501. */
const hasWriteOnce = (endpoint: string): boolean =>
  new URL(endpoint).hostname.endsWith(".r2.cloudflarestorage.com");

const filenameOf = (name: string): string => parseObjectName(name)?.filename ?? name;
const transferIdOf = (name: string): string => parseObjectName(name)?.transferId ?? name;

const connectionLost = (name: string) => (offset: number, cause: string) =>
  new RemoteExecError(
    "connection_lost",
    `The download of ${filenameOf(name)} was interrupted after ${offset} bytes: ${cause}`,
    "Check the network, then start the download again",
  );
