import { type Clock, systemClock } from "../../async/clock.ts";
import type { R2Config } from "../../config/config.ts";
import { type ContainerAccess, explained } from "../../proxmox/container_access.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { bytesMoved, mapProgress } from "../../mcp/progress.ts";
import { inTime } from "../../rpc/in_time.ts";
import type { Endpoint } from "../../ssh/port.ts";
import {
  endOf,
  type ExchangePath,
  type ExchangeSource,
  type ExchangeUpload,
  expiryOf,
  filenameOf,
  formatTime,
  type ListedTransfer,
  nameOf,
  type RequestedUpload,
  type Shared,
} from "./transfer.ts";
import {
  chooseSource,
  fileTooLarge,
  retentionOver,
  tooLargeForOnePut,
  transferExpired,
  transferMissing,
} from "../errors.ts";
import {
  checkClient,
  checkFilename,
  type ExchangeName,
  newTransferId,
  objectName,
  parseObjectName,
  RETENTION_MS,
} from "./transfer_names.ts";
import type {
  DeliverOutcome,
  ListProgress,
  ObjectRef,
  StoredObject,
  StoreOutcome,
  TransfersPort,
} from "../port.ts";
import { storedSha256 } from "./object_metadata.ts";
import { keyOf, nameOfUrl } from "./object_url.ts";

const HOUR_MS = 3_600_000;
/** S3 allows 5 GiB in one PUT request; R2 allows a little less. */
const MAX_PUT_BYTES = 4_995 * 1_048_576;
/** One request to the service: five attempts of 30 s with pauses between them. */
const REQUEST_LIMIT_MS = 180_000;

/** What the service needs. */
export interface ExchangeParts {
  readonly port: TransfersPort;
  readonly config: R2Config;
  /** Undefined when Proxmox is off. */
  readonly containers: ContainerAccess | undefined;
  readonly clock?: Clock;
}

/** The rules of the file exchange over R2. `hours` is an integer from 1 to 12. */
export class ExchangeService {
  readonly #port: TransfersPort;
  readonly #config: R2Config;
  readonly #containers: ContainerAccess | undefined;
  readonly #clock: Clock;

  constructor(parts: ExchangeParts) {
    const { port, config, containers, clock = systemClock } = parts;
    this.#port = port;
    this.#config = config;
    this.#containers = containers;
    this.#clock = clock;
  }

  /** Max size of a file. */
  get maxBytes(): number {
    return this.#config.maxFileBytes;
  }

  /** Uploads a file; its URL works for `hours` from the end of the upload. */
  async upload(
    path: ExchangePath,
    destClient: string | undefined,
    hours: number,
    context: ToolContext,
  ): Promise<ExchangeUpload> {
    const from = endOf(path, this.#containers);
    const name = this.#newName(filenameOf(from), this.#config.clientId);
    if (destClient !== undefined) checkClient(destClient, "dest_client");
    const nowMs = this.#clock.now();
    const metadata = {
      source_client: name.sourceClient,
      uploaded_at: formatTime(nowMs),
      expires_at: formatTime(nowMs + hours * HOUR_MS),
      filename: name.filename,
      ...(destClient === undefined ? {} : { dest_client: destClient }),
    };
    const outcome = await this.#store(from, name, metadata, context)
      .catch((error) => this.#explain(path, error, context));
    const shared = await this.#share(name, outcome.object, hours);
    return { ...shared, sha256: outcome.sha256, destClient };
  }

  /**
   * Downloads a file. For a URL, its signature decides whether it has expired; for an id, the
   * transfer's metadata does.
   */
  async download(
    source: ExchangeSource,
    path: ExchangePath,
    overwrite: boolean,
    context: ToolContext,
  ): Promise<DeliverOutcome & { readonly name: ExchangeName }> {
    const to = endOf(path, this.#containers);
    const { ref, name } = source.downloadUrl === undefined
      ? await this.#byId(source, context)
      : this.#byUrl(source.downloadUrl, source);
    const request = {
      bridge: "r2",
      ref,
      to,
      overwrite,
      maxBytes: this.#config.maxFileBytes,
    } as const;
    const report = mapProgress(context.progress, bytesMoved);
    const delivering = this.#port.deliver(request, context.signal, report);
    const outcome = await inTime(context.signal, undefined, delivering)
      .catch((error) => this.#explain(path, error, context));
    return { ...outcome, name };
  }

  /** Lists all transfers, or those of one client; oldest first. */
  async list(
    sourceClient: string | undefined,
    { signal, progress }: ToolContext,
  ): Promise<ListedTransfer[]> {
    const prefix = sourceClient === undefined ? "" : `${checkClient(sourceClient, "client_id")}/`;
    const report = mapProgress(progress, ({ read, total }: ListProgress) => ({
      progress: read,
      total,
      message: "transfers read",
    }));
    const objects = await inTime(signal, undefined, this.#port.list("r2", prefix, signal, report));
    return objects.flatMap((object) => {
      const name = parseObjectName(object.name);
      return name === undefined ? [] : [this.#listed(name, object)];
    }).sort((a, b) => a.object.storedAtMs - b.object.storedAtMs);
  }

  /** Deletes a transfer; `deleted` is false if it did not exist. */
  async delete(
    transferId: string,
    sourceClient: string,
    { signal }: ToolContext,
  ): Promise<{ readonly key: string; readonly deleted: boolean }> {
    const name = objectName(sourceClient, transferId);
    const removing = this.#port.remove("r2", { name }, signal);
    const { existed } = await inTime(signal, REQUEST_LIMIT_MS, removing);
    return { key: keyOf(name), deleted: existed };
  }

  /** Creates a ticket with which somebody without credentials can upload one file. */
  async requestUpload(
    filename: string,
    size: number | undefined,
    hours: number,
    sourceClient: string | undefined,
  ): Promise<RequestedUpload> {
    const name = this.#newName(filename, sourceClient ?? this.#config.clientId);
    this.#checkSize(filename, size);
    const ticket = await this.#port.uploadTicket({
      bridge: "r2",
      name: objectName(name.sourceClient, name.transferId),
      metadata: { source_client: name.sourceClient, filename },
      expiresAtMs: this.#clock.now() + hours * HOUR_MS,
      ...(size === undefined ? {} : { size }),
    });
    return { ...name, key: keyOf(objectName(name.sourceClient, name.transferId)), ticket };
  }

  /** Creates a new URL for a transfer that is still stored, even if it has expired. */
  async share(
    transferId: string,
    sourceClient: string,
    hours: number,
    context: ToolContext,
  ): Promise<Shared> {
    const object = await this.#find(objectName(sourceClient, transferId), transferId, context);
    if (this.#keptUntil(object) <= this.#clock.now()) throw retentionOver(transferId);
    return await this.#share(nameOf(object.name), object, hours);
  }

  #newName(filename: string, sourceClient: string): ExchangeName {
    checkFilename(filename);
    checkClient(sourceClient);
    const transferId = newTransferId(sourceClient, filename, this.#clock.now());
    return { sourceClient, transferId, filename };
  }

  async #store(
    from: Endpoint,
    { sourceClient, transferId }: ExchangeName,
    metadata: Record<string, string>,
    { signal, progress }: ToolContext,
  ): Promise<StoreOutcome> {
    const request = {
      bridge: "r2",
      from,
      name: objectName(sourceClient, transferId),
      metadata,
      maxBytes: this.#config.maxFileBytes,
    } as const;
    const report = mapProgress(progress, bytesMoved);
    return await inTime(signal, undefined, this.#port.store(request, signal, report));
  }

  /** Throws the error in the words of the container, if the container is its cause. */
  async #explain(
    { ctid }: ExchangePath,
    error: unknown,
    { signal }: ToolContext,
  ): Promise<never> {
    throw await explained(this.#containers, ctid, error, signal);
  }

  /** Creates a URL. It never works longer than its object is stored. */
  async #share(name: ExchangeName, object: StoredObject, hours: number): Promise<Shared> {
    const expiresAtMs = Math.min(this.#clock.now() + hours * HOUR_MS, this.#keptUntil(object));
    const downloadUrl = await this.#port.downloadUrl("r2", { name: object.name }, expiresAtMs);
    const { size } = object;
    const sha256 = storedSha256(object);
    return { ...name, key: keyOf(object.name), downloadUrl, expiresAtMs, size, sha256 };
  }

  async #byId({ transferId, sourceClient }: ExchangeSource, context: ToolContext) {
    if (transferId === undefined || sourceClient === undefined) {
      throw chooseSource("No transfer was named");
    }
    const object = await this.#find(objectName(sourceClient, transferId), transferId, context);
    const { expired, expiresAtMs } = this.#listed(nameOf(object.name), object);
    if (expired) throw transferExpired(transferId, formatTime(expiresAtMs));
    const ref: ObjectRef = { name: object.name, id: object.id };
    return { ref, name: nameOf(object.name) };
  }

  #byUrl(url: string, { transferId, sourceClient }: ExchangeSource) {
    if (transferId !== undefined || sourceClient !== undefined) {
      throw chooseSource("Both transfer_id and download_url were passed");
    }
    const name = nameOfUrl(this.#config, url);
    const ref: ObjectRef = { name, url };
    return { ref, name: nameOf(name) };
  }

  async #find(name: string, transferId: string, { signal }: ToolContext): Promise<StoredObject> {
    const finding = this.#port.find("r2", { name }, 0, signal);
    const object = await inTime(signal, REQUEST_LIMIT_MS, finding);
    if (object === undefined) throw transferMissing(transferId);
    return object;
  }

  #listed(name: ExchangeName, object: StoredObject): ListedTransfer {
    const expiresAtMs = Math.min(expiryOf(object), this.#keptUntil(object));
    const expired = expiresAtMs <= this.#clock.now();
    return { ...name, key: keyOf(object.name), object, expiresAtMs, expired };
  }

  #keptUntil = ({ storedAtMs }: StoredObject): number => storedAtMs + RETENTION_MS;

  #checkSize(filename: string, size: number | undefined): void {
    const { maxFileBytes } = this.#config;
    if (size === undefined) return;
    if (size > maxFileBytes) throw fileTooLarge(filename, size, maxFileBytes, "r2");
    if (size > MAX_PUT_BYTES) throw tooLargeForOnePut(size, MAX_PUT_BYTES);
  }
}
