import * as z from "zod";
import {
  type Account,
  newId,
  objectUrl,
  type StoredFolder,
  type StoredObject,
} from "./imagekit_account.ts";
import type { Cdn } from "./imagekit_delivery.ts";
import { emptyReply, jsonReply, Refusal } from "./imagekit_replies.ts";
import { compileSearch, type Searchable } from "./imagekit_search.ts";

/** `GET /v1/files`: files and folders of one folder or of all, filtered, sorted and cut. */
export function listAssets(account: Account, query: URLSearchParams): Response {
  const limit = readCount(query, "limit", 1, 1000, 1000);
  const skip = readCount(query, "skip", 0, Number.MAX_SAFE_INTEGER, 0);
  const matches = compileFilter(account, query);
  const found = assetsOf(account).filter(matches).sort(compareBy(query.get("sort")));
  return jsonReply(200, found.slice(skip, skip + limit).map(({ answer }) => answer));
}

/** `GET /v1/files/{fileId}/details`. */
export const getDetails = (account: Account, fileId: string): Response =>
  jsonReply(200, fileAnswer(account, requireObject(account, fileId)));

/** `DELETE /v1/files/{fileId}`. What the CDN has cached stays there. */
export function deleteObject(account: Account, fileId: string): Response {
  account.remove(requireObject(account, fileId).fileId);
  return emptyReply();
}

/** `POST /v1/files/batch/deleteByFileIds`: deletes all files, or none if one is missing. */
export function deleteBatch(account: Account, body: unknown): Response {
  const parsed = BatchBody.safeParse(body);
  if (!parsed.success) throw new Refusal(400, "Your request contains invalid fileIds parameter.");
  const { fileIds } = parsed.data;
  const missingFileIds = fileIds.filter((id) => account.byId(id) === undefined);
  if (missingFileIds.length > 0) {
    throw new Refusal(404, "The requested file(s) does not exist.", { missingFileIds });
  }
  for (const fileId of fileIds) account.remove(fileId);
  return jsonReply(200, { successfullyDeletedFileIds: fileIds });
}

/** `POST /v1/files/purge`. It takes effect at once; the real one needs some time. */
export function purge(cdn: Cdn, body: unknown): Response {
  const parsed = PurgeBody.safeParse(body);
  if (!parsed.success) throw new Refusal(400, "Your request is missing URL parameter.");
  cdn.purge(parsed.data.url);
  return jsonReply(201, { requestId: newId() });
}

const BatchBody = z.object({ fileIds: z.array(z.string()).min(1).max(100) });
const PurgeBody = z.object({ url: z.string().min(1) });

interface Asset extends Searchable {
  readonly answer: object;
}

function requireObject(account: Account, fileId: string): StoredObject {
  if (!/^[0-9a-f]{24}$/.test(fileId)) {
    throw new Refusal(400, "Your request contains invalid fileId parameter.");
  }
  const object = account.byId(fileId);
  if (object === undefined) throw new Refusal(404, "The requested file does not exist.");
  return object;
}

function fileAnswer(account: Account, object: StoredObject): object {
  const { fileId, name, filePath, kind, bytes, tags, customCoordinates, version } = object;
  const { width, height, mime, fileType } = kind;
  const updated = `?updatedAt=${object.updatedAtMs}`;
  const image = { width, height, hasAlpha: false };
  return {
    ...{ type: "file", name, fileId, filePath, tags, customCoordinates, fileType, mime },
    createdAt: new Date(object.createdAtMs).toISOString(),
    updatedAt: new Date(object.updatedAtMs).toISOString(),
    AITags: null,
    versionInfo: { id: object.versionId, name: `Version ${version}` },
    isPrivateFile: object.isPrivate,
    isPublished: true,
    customMetadata: {},
    url: objectUrl(account, object) + updated,
    thumbnail: objectUrl(account, object, "tr:n-ik_ml_thumbnail") + updated,
    size: bytes.length,
    ...(fileType === "image" ? image : {}),
  };
}

function assetsOf(account: Account): Asset[] {
  const files = account.listed().map((object): Asset => ({
    type: "file",
    name: object.name,
    path: object.folder,
    createdAt: object.createdAtMs,
    updatedAt: object.updatedAtMs,
    size: object.bytes.length,
    width: object.kind.width,
    height: object.kind.height,
    private: object.isPrivate,
    format: object.name.slice(object.name.lastIndexOf(".") + 1),
    tags: object.tags ?? [],
    fileType: object.kind.fileType,
    answer: fileAnswer(account, object),
  }));
  return [...files, ...[...account.folders.values()].map(folderAsset)];
}

function folderAsset({ folderId, folderPath, createdAtMs }: StoredFolder): Asset {
  const slash = folderPath.lastIndexOf("/");
  const name = folderPath.slice(slash + 1);
  const at = new Date(createdAtMs).toISOString();
  const answer = { folderId, type: "folder", name, folderPath, createdAt: at, updatedAt: at };
  const path = slash === 0 ? "/" : folderPath.slice(0, slash);
  return { type: "folder", name, path, createdAt: createdAtMs, updatedAt: createdAtMs, answer };
}

/** With `searchQuery`, the parameters type, name and tags are ignored, as documented. */
function compileFilter(account: Account, query: URLSearchParams): (asset: Asset) => boolean {
  const search = query.get("searchQuery");
  const matches = search === null ? compilePlain(query) : compileSearch(search, account.nowMs());
  const path = query.get("path");
  const folder = path === null ? undefined : `/${path.replaceAll(/^\/+|\/+$/g, "")}`;
  const fileType = query.get("fileType") ?? "all";
  return (asset) =>
    (folder === undefined || asset.path === folder) &&
    (fileType === "all" || asset.type === "folder" || asset.fileType === fileType) &&
    matches(asset);
}

function compilePlain(query: URLSearchParams): (asset: Searchable) => boolean {
  const type = query.get("type") ?? "file";
  if (!["file", "folder", "all"].includes(type)) {
    throw new Refusal(400, "Your request contains invalid type parameter.");
  }
  const name = query.get("name");
  const tags = query.get("tags")?.split(",");
  return (asset) =>
    (type === "all" || asset.type === type) &&
    (name === null || asset.name === name) &&
    (tags === undefined || tags.some((tag) => asset.tags?.includes(tag) === true));
}

function readCount(
  query: URLSearchParams,
  name: string,
  least: number,
  most: number,
  absent: number,
): number {
  const text = query.get(name);
  if (text === null) return absent;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) {
    throw new Refusal(
      400,
      `Minimum value of ${name} parameter is ${least}. Value sent is ${text}.`,
    );
  }
  if (value > most) {
    throw new Refusal(400, `Maximum value of ${name} parameter is ${most}. Value sent is ${text}.`);
  }
  return value;
}

/** The order without `sort` is not documented; here it is that of creation. */
function compareBy(sort: string | null): (left: Asset, right: Asset) => number {
  const [, direction, key] = /^(ASC|DESC)_(NAME|CREATED|UPDATED|SIZE)$/.exec(
    sort ?? "ASC_CREATED",
  ) ?? [];
  const read = SORT_KEYS.get(key ?? "");
  if (read === undefined) throw new Refusal(400, "Your request contains invalid sort parameter.");
  const sign = direction === "DESC" ? -1 : 1;
  return (left, right) => sign * (read(left) < read(right) ? -1 : Number(read(left) > read(right)));
}

const SORT_KEYS = new Map<string, (asset: Asset) => string | number>([
  ["NAME", ({ name }) => name],
  ["CREATED", ({ createdAt }) => createdAt],
  ["UPDATED", ({ updatedAt }) => updatedAt],
  ["SIZE", ({ size }) => size ?? 0],
]);
