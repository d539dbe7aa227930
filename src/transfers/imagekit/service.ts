import { type Clock, systemClock } from "../../async/clock.ts";
import type { ImageKitConfig } from "../../config/config.ts";
import type { ContainerAccess } from "../../proxmox/container_access.ts";
import { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import type { Endpoint, FileFacts } from "../../ssh/port.ts";
import type { SshService } from "../../ssh/service.ts";
import { fileTooLarge, wrongClock } from "../errors.ts";
import { type CommandPair, downloadCommand, uploadCommand } from "./commands.ts";
import {
  fileExists,
  fileMissing,
  foreignObject,
  notARegularFile,
  notOnImageKit,
  tookTooLong,
  transferNotFound,
} from "./errors.ts";
import { makeObjectName } from "./signed_names.ts";
import {
  type DownloadState,
  formatTransferId,
  OpenTransfers,
  type UploadState,
} from "./open_transfers.ts";
import { type Cleanup, ImageKitMoves, type RemoteFile, RemotePlaces } from "./remote_moves.ts";
import type { DeliverOutcome, StoredObject, TransfersPort } from "../port.ts";

/** How long ImageKit's search may not find a new file. */
const SEARCH_LAG_MS = 20_000;
/** Max difference between ImageKit's clock and ours. */
const CLOCK_SKEW_MS = 5 * 60_000;

/** A difference below this one may come from the request itself: `Date` has no fractions. */
const CLOCK_ERROR_MS = 5_000;

/** What the service needs. */
export interface ImageKitParts {
  readonly port: TransfersPort;
  readonly ssh: Pick<SshService, "stat">;
  readonly config: ImageKitConfig;
  /** HOST. A transfer_id of a server for another host is refused. */
  readonly host: string;
  /** Undefined when Proxmox is off. */
  readonly containers: ContainerAccess | undefined;
  readonly clock?: Clock;
}

/** A requested upload. */
export interface UploadWish extends RemoteFile {
  /** Octal digits, like 644. */
  readonly permissions: number | undefined;
  readonly overwrite: boolean;
}

/** A prepared upload. */
export interface UploadOffer {
  readonly transferId: string;
  readonly command: CommandPair;
  readonly expiresInS: number;
  readonly maxBytes: number;
}

/** A prepared download. */
export interface DownloadOffer {
  readonly transferId: string;
  readonly url: string;
  readonly command: CommandPair;
  readonly expiresInS: number;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Two-phase transfers over ImageKit. The transfer_id contains the complete state, so a restarted or a
 * second server with the same credentials and host can complete a transfer.
 */
export class ImageKitService {
  readonly #parts: ImageKitParts;
  readonly #clock: Clock;
  readonly #moves: ImageKitMoves;
  readonly #places: RemotePlaces;
  readonly #open: OpenTransfers;

  constructor(parts: ImageKitParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#places = new RemotePlaces(parts.containers);
    this.#moves = new ImageKitMoves(parts.port, parts.config.maxFileBytes, this.#places);
    this.#open = new OpenTransfers(parts.config.privateKey, parts.host, this.#clock);
  }

  /** Max size of a file. */
  get maxBytes(): number {
    return this.#parts.config.maxFileBytes;
  }

  /** Checks the destination and returns a command that uploads one file to ImageKit, once. */
  async requestUpload(wish: UploadWish, { signal }: ToolContext): Promise<UploadOffer> {
    const { port, config, host } = this.#parts;
    const { path, ctid, permissions, overwrite } = wish;
    const facts = await this.#facts(wish, this.#places.endpoint(wish), signal);
    if (facts !== undefined && facts.kind !== "file") throw notARegularFile(path, facts.kind);
    if (facts !== undefined && !overwrite) throw fileExists(path, ctid);
    const issuedAtMs = this.#clock.now();
    const wanted = this.#newExpiry();
    const name = makeObjectName(config.privateKey, "upload", wanted);
    const form = await port.uploadTicket({
      ...{ bridge: "imagekit", name, metadata: {} },
      expiresAtMs: wanted * 1000,
    });
    const expiresAt = Math.floor(form.expiresAtMs / 1000);
    const transferId = formatTransferId(config.privateKey, {
      ...{ operation: "upload", host, path, name, issuedAtMs, expiresAt, overwrite },
      ...(ctid === undefined ? {} : { ctid }),
      ...(permissions === undefined ? {} : { permissions }),
    });
    return {
      transferId,
      command: uploadCommand(form),
      expiresInS: this.#secondsUntil(expiresAt),
      maxBytes: config.maxFileBytes,
    };
  }

  /** Writes the uploaded file to its destination, then deletes the copy on ImageKit. */
  async confirmUpload(
    transferId: string,
    fileId: string | undefined,
    context: ToolContext,
  ): Promise<{ state: UploadState; outcome: DeliverOutcome; cleanup: Cleanup }> {
    return await this.#open.complete(transferId, "upload", async (state) => {
      const to = this.#places.endpoint(state);
      const object = await this.#uploaded(state, fileId, context);
      const outcome = await this.#moves.deliver(state, to, object, context);
      const cleanup = await this.#moves.remove(object).catch((error) => {
        if (!(error instanceof RemoteExecError)) throw error;
        return { deleted: false, purged: false };
      });
      return { state, outcome, cleanup };
    });
  }

  /** Uploads a file to ImageKit and returns a URL that returns exactly its bytes until it expires. */
  async requestDownload(file: RemoteFile, context: ToolContext): Promise<DownloadOffer> {
    const { port, config, host } = this.#parts;
    const { path, ctid } = file;
    const from = this.#places.endpoint(file);
    const facts = await this.#facts(file, from, context.signal);
    if (facts === undefined) throw fileMissing(path, ctid);
    if (facts.kind !== "file") throw notARegularFile(path, facts.kind);
    const { maxFileBytes: maxBytes, privateKey } = config;
    if (facts.size > maxBytes) throw fileTooLarge(path, facts.size, maxBytes, "imagekit");
    const issuedAtMs = this.#clock.now();
    const expiresAt = this.#newExpiry();
    const name = makeObjectName(privateKey, "download", expiresAt);
    const { object, bytes, sha256 } = await this.#moves.store(file, from, name, context);
    const expiresInS = this.#secondsUntil(expiresAt);
    if (expiresInS <= 0) {
      await this.#moves.remove(object);
      throw tookTooLong(config.transferTimeoutMs / 1000);
    }
    const aheadMs = await port.clockAheadMs("imagekit") ?? 0;
    const aheadS = Math.abs(aheadMs) < CLOCK_ERROR_MS ? 0 : Math.round(aheadMs / 1000);
    // ImageKit decides by its own clock. If this machine is behind, the copy does not live longer either.
    const urlExpiresAt = expiresAt - Math.max(0, aheadS);
    const urlExpiresInS = Math.min(expiresInS, this.#secondsUntil(urlExpiresAt + aheadS));
    if (urlExpiresInS <= 0) {
      await this.#moves.remove(object);
      throw await this.#clockError("The download URL is already over") ??
        tookTooLong(config.transferTimeoutMs / 1000);
    }
    const url = await port.downloadUrl("imagekit", { name }, urlExpiresAt * 1000);
    const transferId = formatTransferId(privateKey, {
      ...{ operation: "download", host, path, name, issuedAtMs, expiresAt, bytes },
      ...(ctid === undefined ? {} : { ctid }),
      fileId: object.id,
    });
    const command = downloadCommand(url);
    return { transferId, url, command, expiresInS: urlExpiresInS, bytes, sha256 };
  }

  /** Deletes the copy that {@linkcode requestDownload} stored on ImageKit. */
  async confirmDownload(
    transferId: string,
    { signal }: ToolContext,
  ): Promise<{ state: DownloadState; cleanup: Cleanup }> {
    return await this.#open.complete(transferId, "download", async (state) => {
      const object = await this.#moves.find({ name: state.name, id: state.fileId }, 0, {
        signal,
        progress: undefined,
      });
      // Another server completed it, or the sweep removed it.
      if (object === undefined) throw transferNotFound();
      if (object.size !== state.bytes) throw foreignObject(state.fileId);
      if (!isOfItsTime(object, state)) {
        const what = "The file seems older than its transfer";
        throw await this.#clockError(what) ?? foreignObject(state.fileId);
      }
      const cleanup = await this.#moves.remove(object).catch((error) => {
        throw this.#places.failed("Cleanup failed", error);
      });
      return { state, cleanup };
    });
  }

  /** Returns the object of an upload, after checking that it can be from its command. */
  async #uploaded(
    state: UploadState,
    fileId: string | undefined,
    context: ToolContext,
  ): Promise<StoredObject> {
    const ref = { name: state.name, ...(fileId === undefined ? {} : { id: fileId }) };
    const object = await this.#moves.find(ref, fileId === undefined ? SEARCH_LAG_MS : 0, context);
    if (object === undefined) {
      throw await this.#clockError("The upload command was refused or too late") ?? notOnImageKit();
    }
    if (!isOfItsTime(object, state)) {
      const what = "The file seems older than its transfer";
      throw await this.#clockError(what) ?? foreignObject(object.id);
    }
    const { maxFileBytes: maxBytes } = this.#parts.config;
    if (object.size > maxBytes) {
      throw fileTooLarge("The uploaded file", object.size, maxBytes, "imagekit");
    }
    return object;
  }

  async #facts(
    file: RemoteFile,
    endpoint: Endpoint,
    signal: AbortSignal,
  ): Promise<FileFacts | undefined> {
    try {
      return await this.#parts.ssh.stat(endpoint, signal);
    } catch (error) {
      const failure = await this.#places.notSeen(file, error, signal);
      if (failure === undefined) return undefined;
      throw failure;
    }
  }

  /** Returns the error that names this machine's clock, if it differs from ImageKit's. */
  async #clockError(what: string): Promise<RemoteExecError | undefined> {
    return wrongClock(what, "imagekit", await this.#parts.port.clockAheadMs("imagekit"));
  }

  #newExpiry(): number {
    return Math.ceil((this.#clock.now() + this.#parts.config.transferTimeoutMs) / 1000);
  }

  #secondsUntil(expiresAt: number): number {
    return Math.max(0, Math.floor(expiresAt - this.#clock.now() / 1000));
  }
}

/** Reports whether an object is not empty and was stored after the transfer was requested. */
const isOfItsTime = (
  { storedAtMs, size }: StoredObject,
  { issuedAtMs }: { readonly issuedAtMs: number },
): boolean => size > 0 && storedAtMs >= issuedAtMs - CLOCK_SKEW_MS;
