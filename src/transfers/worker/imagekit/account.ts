import ImageKit from "@imagekit/nodejs";
import { z } from "zod";
import { deadline } from "../../../async/deadline.ts";
import type { ImageKitConfig } from "../../../config/config.ts";
import type { BridgeTools } from "../bridge.ts";
import { objectPath } from "../../imagekit/signed_names.ts";
import { failureError, retried, ServiceFailure } from "./service_failure.ts";
import { boundedResponse } from "../response_body.ts";

const CALL_MS = 15_000;
const UPLOAD_MS = 10 * 60_000;
const PAGE = 1000;
/** A listing that does not end is left here. */
const MOST_FILES = 100_000;

/** A file as the service describes it; only what is used. */
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

/** The requests to the account, each with the rule by which it may be repeated. */
export class ImageKitAccount {
  readonly #config: ImageKitConfig;
  readonly #tools: BridgeTools;
  readonly #api: ImageKit;
  readonly #uploads: ImageKit;

  constructor(config: ImageKitConfig, tools: BridgeTools) {
    this.#config = config;
    this.#tools = tools;
    const { privateKey } = config;
    // A base URL that is given holds for every request of a client, so each has one of its own.
    this.#api = createSdk({ baseUrl: config.apiUrl, privateKey, fetch: tools.fetch });
    this.#uploads = createSdk({ baseUrl: config.uploadUrl, privateKey, fetch: tools.fetch });
  }

  /**
   * Stores a file under our own name. Repeating is safe: nobody else has the name, and a second time
   * replaces the same bytes.
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

  /** Undefined when there is no file with this id. */
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

  /** The file with this name in our folder, as far as the service's index has it. */
  async search(name: string, signal: AbortSignal): Promise<AccountFile | undefined> {
    const { files } = await this.#page(`type = "file" AND name = "${name}"`, 0, signal);
    const path = objectPath(this.#config.folder, name);
    return files.find((file) => file.filePath === path);
  }

  /** Everything in our folder whose name starts with `prefix`, by name. */
  async list(prefix: string, signal: AbortSignal): Promise<AccountFile[]> {
    const query = `type = "file" AND name : "${prefix}"`;
    const files: AccountFile[] = [];
    for (let skip = 0; skip < MOST_FILES; skip += PAGE) {
      const page = await this.#page(query, skip, signal);
      files.push(...page.files);
      if (page.count < PAGE) break;
    }
    return files.filter(({ name }) => name.startsWith(prefix));
  }

  /** False when it was not there. */
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

  /** Makes the delivery network forget an address; `*` at its end stands for every query. */
  async purge(url: string, signal: AbortSignal): Promise<void> {
    // The requests of a month are counted, so only one that was certainly not performed is repeated.
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
    const late = () => new ServiceFailure(undefined, `no whole answer in ${timeout / 1000} s`);
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

/** @throws RemoteExecError for an answer of another form than the service gives */
function understood<T>(action: string, schema: z.ZodType<T>, answer: unknown): T {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  throw failureError(action, new ServiceFailure(200, "the answer is none of ImageKit's"));
}

function unlessMissing(error: unknown): undefined {
  if (typeof error === "object" && error !== null && "status" in error && error.status === 404) {
    return undefined;
  }
  throw error;
}

/** A page of a listing: 1,000 files, each with all that the service knows of it. */
const LONGEST_ANSWER_BYTES = 32 * 1_048_576;

/** What the SDK is told. */
export interface SdkOptions {
  readonly baseUrl: string;
  readonly privateKey: string;
  readonly fetch: typeof fetch;
}

/**
 * A client of the vendor's SDK that repeats nothing, logs nothing and needs no right but net.
 *
 * Its constructor reads `IMAGE_KIT_CUSTOM_HEADERS` whatever it is given, which a worker without the
 * environment is refused. It finds the environment through the global `process`, so for as long as the
 * (synchronous) constructor runs, that global has an empty one.
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
      // With `Response` beside it the SDK does not try it out on a data: URL.
      fetch: Object.assign(fetchNoRedirect(fetch), { Response }),
    })
  );
}

/** A redirect could carry the Authorization header elsewhere; the service has none. */
const fetchNoRedirect = (real: typeof fetch): typeof fetch => async (input, init) =>
  boundedResponse(await real(input, { ...init, redirect: "error" }), LONGEST_ANSWER_BYTES);

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
