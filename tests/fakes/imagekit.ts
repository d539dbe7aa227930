import { Account, type Faults, type NewObject, type StoredObject } from "./imagekit_account.ts";
import { deleteBatch, deleteObject, getDetails, listAssets, purge } from "./imagekit_api.ts";
import { requirePrivateKey } from "./imagekit_auth.ts";
import { Cdn } from "./imagekit_delivery.ts";
import { Pace } from "./imagekit_pace.ts";
import { FailurePlan, type FailureTarget, type Operation, operationOf } from "./imagekit_plan.ts";
import { type Incoming, readIncoming, type RecordedRequest } from "./imagekit_record.ts";
import { errorReply, type Failure, failureReply, jsonReply, Refusal } from "./imagekit_replies.ts";
import { handleUpload } from "./imagekit_upload.ts";

export type { Faults, StoredObject } from "./imagekit_account.ts";
export type { FailureTarget, Operation } from "./imagekit_plan.ts";
export type { RecordedRequest } from "./imagekit_record.ts";
export type { Failure } from "./imagekit_replies.ts";

export interface ImageKitOptions {
  /** Milliseconds since 1970; the machine's clock if absent. */
  now?: () => number;
  imagekitId?: string;
  /** Larger uploads are refused; 25,000,000 if absent, as on the vendor's free plan. */
  maxFileBytes?: number;
  /** How long the delivery remembers that a file is missing; 60,000 if absent. */
  notFoundCacheMs?: number;
  /** Upload, API and delivery on three ports that answer nothing else; one port if absent. */
  separateOrigins?: boolean;
}

/** A planted file; what is left out is public, untagged, in `/`, created now. */
export interface PlantedObject {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
  folder?: string;
  isPrivate?: boolean;
  tags?: readonly string[];
  createdAtMs?: number;
}

/** The running emulator: URLs and keys for the client under test, switches and records for the test. */
export interface FakeImageKit {
  /** Base URLs without a path and without a slash at the end. */
  readonly uploadUrl: string;
  readonly apiUrl: string;
  /** With the account's id, without a slash at the end. */
  readonly urlEndpoint: string;
  readonly publicKey: string;
  readonly privateKey: string;
  readonly faults: Faults;
  /** Every request so far, in the order of arrival. */
  readonly requests: readonly RecordedRequest[];
  /** Makes the next `times` (1) requests of a kind fail; failures of one kind are used in order. */
  failNext(target: FailureTarget, failure: Failure, times?: number): void;
  objects(): StoredObject[];
  /** Puts a file into the library without a request; its name is kept as the service would. */
  plant(planted: PlantedObject): StoredObject;
  resumeDeliveries(): void;
  /** Reports whether a text contains the private key: plain, percent-encoded or in a Basic header. */
  holdsPrivateKey(text: string): boolean;
  close(): Promise<void>;
}

/**
 * Starts an ImageKit account on 127.0.0.1: upload V1 and V2, media API and delivery, with a key pair
 * of its own. It follows the vendor's documents, and is strict where they say nothing.
 */
export function startImageKit(options: ImageKitOptions = {}): Promise<FakeImageKit> {
  const account = new Account(options.now ?? Date.now, defaultFaults(options.maxFileBytes));
  const service = new Service(account, options);
  const servers = SURFACES[options.separateOrigins === true ? "apart" : "together"]
    .map((operations) => listen((request) => service.answer(request, operations)));
  const origins = servers.map(({ addr }) => `http://127.0.0.1:${addr.port}`);
  const [uploadUrl = "", apiUrl = uploadUrl, deliveryUrl = uploadUrl] = origins;
  account.urlEndpoint = `${deliveryUrl}/${service.imagekitId}`;
  return Promise.resolve({
    uploadUrl,
    apiUrl,
    urlEndpoint: account.urlEndpoint,
    publicKey: account.publicKey,
    privateKey: account.privateKey,
    faults: account.faults,
    requests: service.requests,
    failNext: (target, failure, times = 1) => service.plan.add(target, failure, times),
    objects: account.objects,
    plant: (planted) => plant(account, planted),
    resumeDeliveries: () => service.pace.resume(),
    holdsPrivateKey: (text) => keyForms(account.privateKey).some((form) => text.includes(form)),
    close: async () => {
      service.pace.close();
      await Promise.all(servers.map((server) => server.shutdown()));
    },
  });
}

const API: readonly Operation[] = ["list", "details", "delete", "purge"];
const SURFACES: Record<"together" | "apart", readonly (readonly Operation[])[]> = {
  together: [["upload", ...API, "delivery"]],
  apart: [["upload"], API, ["delivery"]],
};

const defaultFaults = (maxFileBytes = 25_000_000): Faults => ({
  searchLagMs: 0,
  searchesMissed: 0,
  keyRevoked: false,
  maxFileBytes,
  delivery: "whole",
  slowPieceMs: 20,
});

const listen = (handler: (request: Request) => Promise<Response>) =>
  Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);

class Service {
  readonly imagekitId: string;
  readonly requests: RecordedRequest[] = [];
  readonly plan = new FailurePlan();
  readonly pace: Pace;
  readonly #account: Account;
  readonly #cdn: Cdn;

  constructor(account: Account, options: ImageKitOptions) {
    this.#account = account;
    this.imagekitId = options.imagekitId ?? "fake_account";
    this.pace = new Pace(account.faults);
    this.#cdn = new Cdn(account, options.notFoundCacheMs ?? 60_000);
  }

  async answer(request: Request, operations: readonly Operation[]): Promise<Response> {
    const operation = operationOf(request, this.imagekitId);
    const incoming = await readIncoming(request);
    const record: RecordedRequest = { ...incoming.record, operation, status: 0 };
    this.requests.push(record);
    const isServed = operation !== "unknown" && operations.includes(operation);
    const response = isServed
      ? await this.#spoiled(operation, incoming)
      : errorReply(404, "The requested resource does not exist.");
    record.status = response.status;
    response.headers.set("date", new Date(this.#account.nowMs()).toUTCString());
    return response;
  }

  async #spoiled(operation: Operation, incoming: Incoming): Promise<Response> {
    const failure = this.plan.take(operation);
    if (failure === undefined) return await this.#perform(operation, incoming);
    if (failure.afterEffect !== true) return await failureReply(failure);
    return await failureReply(failure, await this.#perform(operation, incoming));
  }

  async #perform(operation: Operation, incoming: Incoming): Promise<Response> {
    try {
      return await this.#dispatch(operation, incoming);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (operation === "delivery") {
        return new Response(error.message, { status: error.status });
      }
      return errorReply(error.status, error.message, error.extra);
    }
  }

  async #dispatch(operation: Operation, incoming: Incoming): Promise<Response> {
    const { url, target, headers, method, form, json } = incoming;
    const authorization = headers.get("authorization");
    if (operation === "upload") {
      const version = url.pathname.includes("/v2/") ? "v2" : "v1";
      return await handleUpload(this.#account, version, authorization, form);
    }
    if (operation === "delivery") {
      const remainder = target.slice(this.imagekitId.length + 2);
      return await this.pace.apply(this.#cdn.serve(remainder, headers));
    }
    requirePrivateKey(this.#account, authorization);
    const fileId = decodeURIComponent(url.pathname.split("/")[3] ?? "");
    if (operation === "list") return listAssets(this.#account, url.searchParams);
    if (operation === "details") return getDetails(this.#account, fileId);
    if (operation === "purge") {
      return method === "GET" ? jsonReply(200, PURGED) : purge(this.#cdn, json);
    }
    return method === "POST"
      ? deleteBatch(this.#account, json)
      : deleteObject(this.#account, fileId);
  }
}

const PURGED = { status: "Completed" };

function plant(account: Account, planted: PlantedObject): StoredObject {
  const wanted: NewObject = {
    name: planted.name,
    folder: planted.folder ?? "/",
    bytes: planted.bytes,
    isPrivate: planted.isPrivate ?? false,
    tags: planted.tags ?? null,
    customCoordinates: null,
    unique: false,
    overwrite: true,
  };
  const object = account.put(wanted);
  const createdAtMs = planted.createdAtMs ?? object.createdAtMs;
  return account.replace({ ...object, createdAtMs, updatedAtMs: createdAtMs });
}

/** In base64, complete groups of three bytes do not depend on what follows. */
function keyForms(key: string): string[] {
  const encoded = btoa(key);
  const stable = encoded.slice(0, Math.floor(key.length / 3) * 4);
  return [key, encodeURIComponent(key), stable];
}
