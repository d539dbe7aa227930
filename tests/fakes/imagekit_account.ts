import { randomBytes } from "node:crypto";
import { type FileKind, identifyKind } from "./imagekit_kind.ts";
import { Refusal } from "./imagekit_replies.ts";

/** Switches for tests, which may change them while the service runs. */
export interface Faults {
  /** Time before an upload appears in listings; counts for uploads made after it is set. */
  searchLagMs: number;
  /** Listings that miss an upload before one shows it; counts for uploads made after it is set. */
  searchesMissed: number;
  /** The key pair is refused everywhere, signed URLs included. */
  keyRevoked: boolean;
  maxFileBytes: number;
  /** `slow` sends 16 KiB every `slowPieceMs`; `stalled` sends half, then waits for `resumeDeliveries`. */
  delivery: "whole" | "slow" | "stalled" | "cut";
  slowPieceMs: number;
}

/** One file of the media library, in its current version. */
export interface StoredObject {
  readonly fileId: string;
  readonly name: string;
  readonly folder: string;
  readonly filePath: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly kind: FileKind;
  readonly isPrivate: boolean;
  readonly tags: readonly string[] | null;
  readonly customCoordinates: string | null;
  readonly version: number;
  readonly versionId: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** The parameters of an upload, with the service's defaults applied. */
export interface NewObject {
  name: string;
  folder: string;
  bytes: Uint8Array<ArrayBuffer>;
  isPrivate: boolean;
  tags: readonly string[] | null;
  customCoordinates: string | null;
  unique: boolean;
  overwrite: boolean;
}

/** A folder, made on demand by an upload into it. */
export interface StoredFolder {
  readonly folderId: string;
  readonly folderPath: string;
  readonly createdAtMs: number;
}

/** The media library of one account: keys, files, folders, tokens already used. */
export class Account {
  readonly publicKey = `public_${randomBytes(20).toString("base64")}`;
  readonly privateKey = `private_${randomBytes(20).toString("base64")}`;
  readonly faults: Faults;
  readonly folders = new Map<string, StoredFolder>();
  urlEndpoint = "";
  readonly #now: () => number;
  readonly #objects = new Map<string, StoredObject>();
  readonly #unlisted = new Map<string, { untilMs: number; searches: number }>();
  readonly #tokens = new Set<string>();

  constructor(now: () => number, faults: Faults) {
    this.#now = now;
    this.faults = faults;
  }

  nowMs = (): number => this.#now();
  objects = (): StoredObject[] => [...this.#objects.values()];
  byId = (fileId: string): StoredObject | undefined => this.#objects.get(fileId);
  byPath = (filePath: string): StoredObject | undefined =>
    this.objects().find((object) => object.filePath === filePath);

  /** Marks a token as used; false when it was used before. */
  burnToken(token: string): boolean {
    const fresh = !this.#tokens.has(token);
    this.#tokens.add(token);
    return fresh;
  }

  /** Stores a file. An overwritten file keeps its id and gets a new version. */
  put(wanted: NewObject): StoredObject {
    const folder = cleanFolder(wanted.folder);
    const name = wanted.unique ? withSuffix(cleanName(wanted.name)) : cleanName(wanted.name);
    const filePath = `${folder === "/" ? "" : folder}/${name}`;
    const previous = this.byPath(filePath);
    if (previous !== undefined && !wanted.overwrite) throw new Refusal(400, EXISTS);
    const object = this.#store({ ...wanted, name, folder }, filePath, previous);
    this.#makeFolders(folder);
    this.#hideFromSearch(object.fileId);
    return object;
  }

  /** Replaces a stored file's record, for a test that needs another age or owner. */
  replace(object: StoredObject): StoredObject {
    this.#objects.set(object.fileId, object);
    return object;
  }

  /** Removes a file. Returns false if no file has this id. */
  remove(fileId: string): boolean {
    return this.#objects.delete(fileId);
  }

  /** The files one listing sees; counts as one listing for `searchesMissed`. */
  listed(): StoredObject[] {
    return this.objects().filter(({ fileId }) => {
      const hidden = this.#unlisted.get(fileId);
      if (hidden === undefined) return true;
      if (hidden.searches > 0) {
        hidden.searches -= 1;
        return false;
      }
      return this.nowMs() >= hidden.untilMs;
    });
  }

  #store(wanted: NewObject, filePath: string, previous?: StoredObject): StoredObject {
    const { name, folder, bytes, isPrivate, tags, customCoordinates } = wanted;
    const fileId = previous?.fileId ?? newId();
    const updatedAtMs = this.nowMs();
    return this.replace({
      ...{ fileId, name, folder, filePath, bytes, isPrivate, tags, customCoordinates, updatedAtMs },
      kind: identifyKind(name, bytes),
      version: (previous?.version ?? 0) + 1,
      versionId: previous === undefined ? fileId : newId(),
      createdAtMs: previous?.createdAtMs ?? updatedAtMs,
    });
  }

  #makeFolders(folder: string): void {
    const segments = folder.split("/").filter((segment) => segment !== "");
    for (const index of segments.keys()) {
      const folderPath = `/${segments.slice(0, index + 1).join("/")}`;
      if (this.folders.has(folderPath)) continue;
      const made = { folderId: newId(), folderPath, createdAtMs: this.nowMs() };
      this.folders.set(folderPath, made);
    }
  }

  #hideFromSearch(fileId: string): void {
    const { searchLagMs, searchesMissed } = this.faults;
    this.#unlisted.set(fileId, {
      untilMs: this.nowMs() + searchLagMs,
      searches: searchesMissed,
    });
  }
}

/** Delivery URL of a file, with an optional transformation segment and no query. */
export function objectUrl(account: Account, { filePath }: StoredObject, transformation = "") {
  const path = filePath.split("/").map(encodeURIComponent).join("/");
  return `${account.urlEndpoint}${transformation === "" ? "" : `/${transformation}`}${path}`;
}

const EXISTS = "A file with the same name already exists at the exact location. " +
  "We could not overwrite it because both overwriteFile and useUniqueFileName are set to false.";

/** Ids of files, versions, folders and purge requests: 24 hexadecimal digits. */
export const newId = (): string => randomBytes(12).toString("hex");

/** Letters, marks, numerals, `.`, `_` and `-` stay, every other character becomes `_`. */
const cleanName = (name: string): string => name.replaceAll(/[^\p{L}\p{M}\p{N}._-]/gu, "_");

/** Like a name, but `/` stays and `.` does not. Returns `/` or `/a/b` without a final slash. */
function cleanFolder(folder: string): string {
  const segments = folder.split("/").filter((segment) => segment !== "");
  if (segments.length > 50) {
    throw new Refusal(400, "Your request contains invalid folder parameter.");
  }
  return `/${segments.join("/").replaceAll(/[^\p{L}\p{M}\p{N}/_-]/gu, "_")}`;
}

function withSuffix(name: string): string {
  const dot = name.lastIndexOf(".");
  const cut = dot > 0 ? dot : name.length;
  return `${name.slice(0, cut)}_${randomBytes(6).toString("hex")}${name.slice(cut)}`;
}
