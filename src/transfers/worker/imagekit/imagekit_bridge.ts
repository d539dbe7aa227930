import { createHash } from "node:crypto";
import { abortable } from "../../../async/abortable.ts";
import { deadlineSignal } from "../../../async/deadline.ts";
import { ByteReader } from "../../../bytes/byte_reader.ts";
import type { ImageKitConfig } from "../../../config/config.ts";
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
import { type AccountFile, ImageKitAccount } from "./account.ts";
import { openDelivery } from "./delivery.ts";
import { fileTooLarge, sourceChanged, wrongClock } from "../../errors.ts";
import { emptyFile, foreignObject } from "../../imagekit/errors.ts";
import {
  objectPath,
  parseObjectName,
  signedUrl,
  uploadSignature,
} from "../../imagekit/signed_names.ts";
import type { ObjectRef, Removal, StoredObject, TicketRequest, UploadTicket } from "../../port.ts";

/** How long an expired object is kept for a transfer that still uses it. */
const GRACE_MS = 5 * 60_000;
/** How long a URL for our own download works. */
const READING_S = 600;
/** How long the removal of a failed upload may delay its error. */
const TAKE_BACK_MS = 5_000;

/** The driver for ImageKit: private files of up to some tens of megabytes, under our own names. */
export class ImageKitBridge implements Bridge {
  readonly name = "imagekit";
  readonly #config: ImageKitConfig;
  readonly #tools: BridgeTools;
  readonly #account: ImageKitAccount;
  #turn: Promise<void> = Promise.resolve();

  constructor(config: ImageKitConfig, tools: BridgeTools) {
    this.#config = config;
    this.#tools = tools;
    this.#account = new ImageKitAccount(config, tools);
  }

  /** Sends one file at a time, because the complete file is in memory. */
  async put({ name }: NewObject, source: PutSource, call: BridgeCall): Promise<PutOutcome> {
    const done = Promise.withResolvers<void>();
    const before = this.#turn;
    this.#turn = before.then(() => done.promise);
    try {
      await abortable(before, call.signal);
      return await this.#put(plainName(name), source, call);
    } finally {
      done.resolve();
    }
  }

  async open(ref: ObjectRef, maxBytes: number, call: BridgeCall): Promise<OpenedObject> {
    const file = await this.#find(ref, call.signal);
    if (file === undefined) throw missingObject();
    const limit = Math.min(maxBytes, this.#config.maxFileBytes);
    if (file.size > limit) throw fileTooLarge("The uploaded file", file.size, limit, "imagekit");
    const { fetch, clock } = this.#tools;
    // The time in the URL keeps a miss or older content out of the delivery network's cache.
    const version = `&updatedAt=${Date.parse(file.updatedAt)}`;
    const url = this.#signed(ref.name, nowSeconds(clock.now()) + READING_S, version);
    const stream = await openDelivery({ fetch, clock, signal: call.signal, url, size: file.size });
    return { object: toObject(file), sha256: undefined, selfProving: false, stream };
  }

  async find(ref: ObjectRef, call: BridgeCall): Promise<StoredObject | undefined> {
    const file = await this.#find(ref, call.signal);
    return file && toObject(file);
  }

  async list(prefix: string, call: BridgeCall): Promise<StoredObject[]> {
    const files = await this.#account.list(prefix === "" ? "" : plainName(prefix), call.signal);
    return files.map(toObject).sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** Also purges all URLs of the object, because the delivery network keeps copies. */
  async remove(ref: ObjectRef, call: BridgeCall): Promise<Removal> {
    const file = await this.#find(ref, call.signal);
    if (file === undefined) return { existed: false };
    await this.#account.delete(file.fileId, call.signal);
    return { existed: true, purged: await this.#purge(file.name, call) };
  }

  /** Returns a form for upload V1. Its token works once, even if the upload fails. */
  uploadTicket({ name, expiresAtMs }: Omit<TicketRequest, "bridge">): Promise<UploadTicket> {
    const { publicKey, privateKey, folder, uploadUrl, transferTimeoutMs } = this.#config;
    const latest = Math.ceil((this.#tools.clock.now() + transferTimeoutMs) / 1000);
    const expire = Math.min(nowSeconds(expiresAtMs), latest);
    const token = crypto.randomUUID();
    return Promise.resolve({
      method: "POST",
      url: `${uploadUrl}/api/v1/files/upload`,
      headers: {},
      fields: [
        ["fileName", plainName(name)],
        ["useUniqueFileName", "false"],
        ["overwriteFile", "false"],
        ["isPrivateFile", "true"],
        ["folder", folder],
        ["publicKey", publicKey],
        ["signature", uploadSignature(privateKey, token, expire)],
        ["expire", String(expire)],
        ["token", token],
      ],
      expiresAtMs: expire * 1000,
      writeOnce: true,
    });
  }

  downloadUrl({ name }: ObjectRef, expiresAtMs: number): Promise<string> {
    return Promise.resolve(this.#signed(plainName(name), nowSeconds(expiresAtMs)));
  }

  /** Deletes expired objects with our seal, also those of other servers. */
  async sweep(call: BridgeCall): Promise<number> {
    const { privateKey } = this.#config;
    const files = await this.#account.list("mcp-", call.signal);
    // By the service's clock: a wrong one here would delete what others still need.
    const nowMs = this.#tools.clock.now() - (this.#account.aheadMs ?? 0);
    let count = 0;
    for (const { name, fileId } of files) {
      const expiresAt = parseObjectName(privateKey, name)?.expiresAt;
      if (expiresAt === undefined || expiresAt * 1000 + GRACE_MS > nowMs) continue;
      if (!await this.#account.delete(fileId, call.signal)) continue;
      await this.#purge(name, call);
      count++;
    }
    return count;
  }

  async diagnose(call: BridgeCall): Promise<Check[]> {
    return await runCheck("ImageKit", async () => {
      const files = await this.#account.list("mcp-", call.signal);
      const clock = wrongClock("ImageKit would refuse uploads", "imagekit", this.#account.aheadMs);
      if (clock !== undefined) throw clock;
      return `${this.#config.folder} can be listed (${files.length} transfer files)`;
    });
  }

  clockAheadMs(): number | undefined {
    return this.#account.aheadMs;
  }

  async #put(name: string, source: PutSource, call: BridgeCall): Promise<PutOutcome> {
    const { label, size } = source;
    const maxBytes = Math.min(source.maxBytes, this.#config.maxFileBytes);
    if (size > maxBytes) throw fileTooLarge(label, size, maxBytes, "imagekit");
    // A file of unknown size may differ for each reader, so its hash is not compared.
    const hashing = size > 0 ? abortable(source.sha256(), call.signal) : undefined;
    hashing?.catch(() => {}); // reported below, when it is awaited
    const { chunks, bytes, sha256 } = await collect(source, maxBytes, call);
    if (bytes === 0) throw emptyFile(label);
    if ((await hashing ?? sha256) !== sha256) throw sourceChanged(label, "its hash differs");
    try {
      const stored = await this.#account.upload(name, new File(chunks, name), call.signal);
      if (stored.size !== bytes) throw incompleteUpload(stored.size, bytes);
      call.progress?.({ bytes, total: bytes });
      const storedAtMs = this.#tools.clock.now();
      return { object: { name, id: stored.fileId, size: bytes, storedAtMs, metadata: {} }, sha256 };
    } catch (error) {
      await this.#takeBack(name);
      throw error;
    }
  }

  /** Best effort: the sweep removes what the service's index does not show yet. */
  async #takeBack(name: string): Promise<void> {
    const { clock, logger } = this.#tools;
    // The call may be cancelled already, so its signal is not used.
    using limit = deadlineSignal(TAKE_BACK_MS, { clock, late: missingObject });
    try {
      await this.remove({ name }, { signal: limit.signal, progress: undefined });
    } catch (error) {
      logger.debug("a failed upload could not be removed from ImageKit", error);
    }
  }

  async #find({ name, id, url }: ObjectRef, signal: AbortSignal): Promise<AccountFile | undefined> {
    if (url !== undefined) throw urlsUnsupported();
    if (id === undefined) return await this.#account.search(plainName(name), signal);
    const file = await this.#account.details(id, signal);
    if (file === undefined) return undefined;
    const isOurs = file.filePath === objectPath(this.#config.folder, plainName(name));
    if (!isOurs || file.name !== name) throw foreignObject(id);
    return file;
  }

  async #purge(name: string, call: BridgeCall): Promise<boolean> {
    const { urlEndpoint, folder } = this.#config;
    try {
      await this.#account.purge(`${urlEndpoint}${objectPath(folder, name)}*`, call.signal);
      return true;
    } catch (error) {
      if (call.signal.aborted) throw error;
      this.#tools.logger.debug("ImageKit's cache could not be purged", error);
      return false;
    }
  }

  /** `orig-true` makes ImageKit deliver images and videos without re-encoding them. */
  #signed(name: string, expiresAt: number, more = ""): string {
    const { privateKey, urlEndpoint, folder } = this.#config;
    const rest = `${objectPath(folder, name).slice(1)}?tr=orig-true${more}`;
    return signedUrl(privateKey, urlEndpoint, rest, expiresAt);
  }
}

const nowSeconds = (ms: number): number => Math.floor(ms / 1000);

const toObject = ({ name, fileId, size, createdAt }: AccountFile): StoredObject => ({
  name,
  id: fileId,
  size,
  storedAtMs: Date.parse(createdAt),
  metadata: {},
});

async function collect(source: PutSource, maxBytes: number, call: BridgeCall) {
  const { label, size, stream } = source;
  const hash = createHash("sha256");
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const reader = new ByteReader(stream, call.signal);
  try {
    for (let chunk = await reader.read(); chunk !== undefined; chunk = await reader.read()) {
      const bytes = reader.position;
      if (bytes > maxBytes) throw fileTooLarge(label, bytes, maxBytes, "imagekit");
      hash.update(chunk);
      chunks.push(new Uint8Array(chunk));
      call.progress?.({ bytes, ...(size > 0 ? { total: size } : {}) });
    }
  } catch (error) {
    reader.cancel(error);
    throw error;
  }
  const bytes = reader.position;
  if (size > 0 && bytes !== size) throw sourceChanged(label, `${bytes} bytes instead of ${size}`);
  return { chunks, bytes, sha256: hash.digest("hex") };
}

/** Returns the name if ImageKit keeps each of its characters; it renames a file with others. */
function plainName(name: string): string {
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(name)) return name;
  throw new RemoteExecError(
    "invalid_argument",
    `Not a valid object name for ImageKit: ${JSON.stringify(name)}`,
    "Use letters, digits, '.', '_' and '-'",
  );
}

const missingObject = () =>
  new RemoteExecError(
    "not_found",
    "The object does not exist on ImageKit",
    "Start a new transfer",
  );

const urlsUnsupported = () =>
  new RemoteExecError(
    "unsupported",
    "ImageKit objects are read by name, not by URL",
    "Use imagekit_confirm_upload",
  );

const incompleteUpload = (stored: number, sent: number) =>
  new RemoteExecError(
    "verification_failed",
    `ImageKit stored ${stored} of ${sent} bytes`,
    "Try again",
  );
