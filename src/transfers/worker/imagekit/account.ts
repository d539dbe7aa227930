import ImageKit from "@imagekit/nodejs";
import * as z from "zod";
import { deadline } from "../../../async/deadline.ts";
import type { ImageKitConfig } from "../../../config/config.ts";
import type { BridgeTools } from "../bridge.ts";
import { objectPath } from "../../imagekit/signed_names.ts";
import { failureError, retried, ServiceFailure } from "./service_failure.ts";
import { boundedResponse } from "../response_body.ts";
import { aheadMs } from "../service_clock.ts";

const CALL_MS = 15_000;
const UPLOAD_MS = 10 * 60_000;
const PAGE = 1000;
/** A listing without an end is aborted here. */
const MAX_FILES = 100_000;

/** The used fields of a file in a response. */
const fileSchema = z.object({
  type: z.literal("file").optional(),
  fileId: z.string(),
  name: z.string(),
  filePath: z.string(),
  size: z.number(),
  createdAt: z.string(),
  updatedAt: z.string(),
});

export type AccountFile = z.infer<typeof fileSchema>;

const storedSchema = z.object({ fileId: z.string(), size: z.number() });

export type Stored = z.infer<typeof storedSchema>;

/** Requests to the account, each with its retry rule. */
export class ImageKitAccount {
  readonly #config: ImageKitConfig;
  readonly #tools: BridgeTools;
  readonly #api: ImageKit;
  readonly #uploads: ImageKit;
  #aheadMs: number | undefined;

  constructor(config: ImageKitConfig, tools: BridgeTools) {
    this.#config = config;
    this.#tools = tools;
    const { privateKey } = config;
    const watched: typeof fetch = async (input, init) => {
      const response = await tools.fetch(input, init);
      this.#aheadMs = aheadMs(response.headers, tools.clock.now()) ?? this.#aheadMs;
      return response;
    };
    // The base URL of a client applies to all its requests, so each URL needs a client.
    this.#api = createSdk({ baseUrl: config.apiUrl, privateKey, fetch: watched });
    this.#uploads = createSdk({ baseUrl: config.uploadUrl, privateKey, fetch: watched });
  }

  /** Milliseconds by which this machine is ahead of ImageKit; undefined before the first response. */
  get aheadMs(): number | undefined {
    return this.#aheadMs;
  }

  /**
   * Stores a file under our own name. A retry is safe: nobody else uses the name, and it replaces the
   * same bytes.
   */
  async upload(name: string, file: File, signal: AbortSignal): Promise<Stored> {
    const stored = await this.#call(
      "upload to ImageKit",
      signal,
      true,
      (options) =>
        this.#uploads.files.upload({
          file,
          fileName: name,
          folder: this.#config.folder,
          useUniqueFileName: false,
          overwriteFile: true,
          isPrivateFile: true,
        }, options),
      UPLOAD_MS,
    );
    return understood("upload to ImageKit", storedSchema, stored);
  }

  /** Returns undefined if no file has this id. */
  async details(fileId: string, signal: AbortSignal): Promise<AccountFile | undefined> {
    const file = await this.#call(
      "look up a file on ImageKit",
      signal,
      true,
      (options) => this.#api.files.get(fileId, options).catch(unlessMissing),
    );
    if (file === undefined) return undefined;
    return understood("look up a file on ImageKit", fileSchema, file);
  }

  /** Returns the file with this name in our folder, if the service's index contains it already. */
  async search(name: string, signal: AbortSignal): Promise<AccountFile | undefined> {
    const { files } = await this.#page(`type = "file" AND name = "${name}"`, 0, signal);
    const path = objectPath(this.#config.folder, name);
    return files.find((file) => file.filePath === path);
  }

  /** Returns all files in our folder whose name starts with `prefix`, sorted by name. */
  async list(prefix: string, signal: AbortSignal): Promise<AccountFile[]> {
    const query = `type = "file" AND name : "${prefix}"`;
    const files: AccountFile[] = [];
    for (let skip = 0; skip < MAX_FILES; skip += PAGE) {
      const page = await this.#page(query, skip, signal);
      files.push(...page.files);
      if (page.count < PAGE) break;
    }
    return files.filter(({ name }) => name.startsWith(prefix));
  }

  /** Deletes a file; returns false if it did not exist. */
  async delete(fileId: string, signal: AbortSignal): Promise<boolean> {
    const gone = Symbol();
    const answer = await this.#call(
      "delete a file on ImageKit",
      signal,
      true,
      (options) =>
        this.#api.files.delete(fileId, options).catch((error: unknown) =>
          unlessMissing(error) ?? gone
        ),
    );
    return answer !== gone;
  }

  /** Purges a URL from the delivery network; a trailing `*` matches every query. */
  async purge(url: string, signal: AbortSignal): Promise<void> {
    // ImageKit limits these requests per month, so only one that was not performed is sent again.
    await this.#call(
      "purge a file from ImageKit's cache",
      signal,
      false,
      (options) => this.#api.cache.invalidation.create({ url }, options),
    );
  }

  async #page(searchQuery: string, skip: number, signal: AbortSignal) {
    const path = this.#config.folder;
    const query = { path, searchQuery, sort: "ASC_NAME", limit: PAGE, skip } as const;
    const found = await this.#call(
      "list files on ImageKit",
      signal,
      true,
      (options) => this.#api.assets.list(query, options),
    );
    const items = understood("list files on ImageKit", z.array(z.unknown()), found);
    return {
      count: items.length,
      files: items.flatMap((item) => fileSchema.safeParse(item).data ?? []),
    };
  }

  async #call<T>(
    action: string,
    signal: AbortSignal,
    isRepeatable: boolean,
    send: (options: { signal: AbortSignal; timeout: number }) => PromiseLike<T>,
    timeout = CALL_MS,
  ): Promise<T> {
    const { clock } = this.#tools;
    const late = () => new ServiceFailure(undefined, `no complete response in ${timeout / 1000} s`);
    // The SDK's own limit ends with the head of a response.
    const attempt = () =>
      deadline(
        async (both) => await send({ signal: both, timeout }),
        timeout,
        { clock, signal, late },
      );
    return await retried(action, { clock, signal, isRepeatable }, attempt);
  }
}

/** Parses a response. @throws RemoteExecError when it does not have the documented form */
function understood<T>(action: string, schema: z.ZodType<T>, answer: unknown): T {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  throw failureError(
    action,
    new ServiceFailure(200, "the response does not have the documented form"),
  );
}

function unlessMissing(error: unknown): undefined {
  if (typeof error === "object" && error !== null && "status" in error && error.status === 404) {
    return undefined;
  }
  throw error;
}

/** Enough for a page of a listing: 1,000 files with all their fields. */
const MAX_RESPONSE_BYTES = 32 * 1_048_576;

/** Settings of an SDK client. */
export interface SdkOptions {
  readonly baseUrl: string;
  readonly privateKey: string;
  readonly fetch: typeof fetch;
}

/**
 * Returns a client of the vendor's SDK that does not retry or log and needs only the permission `net`.
 *
 * The SDK's constructor always reads `IMAGE_KIT_CUSTOM_HEADERS` from the environment, which the worker
 * may not read. While the constructor runs (synchronously), the global `process` therefore has an
 * empty environment.
 * Source: @imagekit/nodejs 7.11.0, client.mjs and internal/utils/env.mjs.
 */
export function createSdk({ baseUrl, privateKey, fetch }: SdkOptions): ImageKit {
  return withoutEnvironment(() =>
    new ImageKit({
      baseURL: baseUrl,
      privateKey,
      password: "do_not_set",
      webhookSecret: null,
      logLevel: "off",
      maxRetries: 0,
      // Without `Response` here, the SDK would test `fetch` with a data: URL.
      fetch: Object.assign(fetchWithoutRedirects(fetch), { Response }),
    })
  );
}

/** Refuses redirects, which could send the Authorization header to another host. ImageKit sends none. */
const fetchWithoutRedirects = (real: typeof fetch): typeof fetch => async (input, init) =>
  boundedResponse(await real(input, { ...init, redirect: "error" }), MAX_RESPONSE_BYTES);

function withoutEnvironment<T>(create: () => T): T {
  const own = Object.getOwnPropertyDescriptor(globalThis, "process");
  Object.defineProperty(globalThis, "process", { value: { env: {} }, configurable: true });
  try {
    return create();
  } finally {
    if (own === undefined) Reflect.deleteProperty(globalThis, "process");
    else Object.defineProperty(globalThis, "process", own);
  }
}
