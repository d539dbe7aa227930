import { Buffer } from "node:buffer";
import { type Account, type NewObject, objectUrl, type StoredObject } from "./imagekit_account.ts";
import { authorizeV1, authorizeV2, type FormFields } from "./imagekit_auth.ts";
import { jsonReply, Refusal } from "./imagekit_replies.ts";

/**
 * Upload V1 and V2. Authorization comes first, so a refusal further down has used the token up.
 * A `file` given as text is read as base64; one given as a URL is refused, nothing is fetched.
 *
 * @throws Refusal as the service refuses
 */
export async function handleUpload(
  account: Account,
  version: "v1" | "v2",
  authorization: string | null,
  form: FormData | undefined,
): Promise<Response> {
  if (form === undefined) throw new Refusal(400, MISSING_FILE);
  const fields = textFields(form);
  const authorize = version === "v1" ? authorizeV1 : authorizeV2;
  authorize(account, authorization, fields);
  const bytes = await readFile(form.get("file"));
  if (bytes.length === 0) throw new Refusal(400, MISSING_FILE);
  if (bytes.length > account.faults.maxFileBytes) throw new Refusal(400, TOO_LARGE);
  const answerFields = parseResponseFields(fields.get("responseFields"));
  const object = account.put(parseUpload(fields, bytes));
  return jsonReply(200, uploadAnswer(account, object, answerFields));
}

const MISSING_FILE = "Your request is missing file parameter.";
const TOO_LARGE = "Your request contains invalid file parameter. The file size exceeds limits.";

function textFields(form: FormData): FormFields {
  const fields = new Map<string, string>();
  for (const [name, value] of form) {
    if (name !== "file" && typeof value === "string") fields.set(name, value);
  }
  return fields;
}

async function readFile(file: FormDataEntryValue | null): Promise<Uint8Array<ArrayBuffer>> {
  if (file === null) throw new Refusal(400, MISSING_FILE);
  if (typeof file !== "string") return await file.bytes();
  if (!/^[A-Za-z0-9+/\s]+={0,2}$/.test(file)) {
    throw new Refusal(400, "Your request contains invalid file parameter.");
  }
  return new Uint8Array(Buffer.from(file, "base64"));
}

function parseUpload(fields: FormFields, bytes: Uint8Array<ArrayBuffer>): NewObject {
  const name = fields.get("fileName");
  if (name === undefined || name === "") {
    throw new Refusal(400, "Your request is missing fileName parameter.");
  }
  refuseUnknownMetadata(fields.get("customMetadata"));
  return {
    name,
    folder: fields.get("folder") ?? "/",
    bytes,
    isPrivate: parseSwitch(fields, "isPrivateFile", false),
    tags: parseTags(fields.get("tags")),
    customCoordinates: fields.get("customCoordinates") ?? null,
    unique: parseSwitch(fields, "useUniqueFileName", true),
    overwrite: parseSwitch(fields, "overwriteFile", true),
  };
}

function parseSwitch(fields: FormFields, name: string, absent: boolean): boolean {
  const value = fields.get(name) ?? String(absent);
  if (value !== "true" && value !== "false") {
    throw new Refusal(400, `Your request contains invalid ${name} parameter.`);
  }
  return value === "true";
}

function parseTags(tags: string | undefined): string[] | null {
  if (tags === undefined || tags === "") return null;
  if (tags.length > 500 || tags.includes("%")) {
    throw new Refusal(400, "Your request contains invalid tags parameter.");
  }
  return tags.split(",").map((tag) => tag.trim());
}

/** Fields must be made through another endpoint first; this account has none. */
function refuseUnknownMetadata(customMetadata: string | undefined): void {
  if (customMetadata !== undefined && !/^\s*\{\s*\}\s*$/.test(customMetadata)) {
    throw new Refusal(400, "Your request contains invalid customMetadata parameter.");
  }
}

function parseResponseFields(responseFields: string | undefined): Set<string> {
  const names = (responseFields ?? "").split(",").map((name) => name.trim());
  return new Set(names.filter((name) => name !== ""));
}

function uploadAnswer(account: Account, object: StoredObject, asked: Set<string>): object {
  const { fileId, name, filePath, kind, bytes, version, versionId } = object;
  const optional: Record<string, unknown> = {
    tags: object.tags,
    customCoordinates: object.customCoordinates,
    isPrivateFile: object.isPrivate,
    isPublished: true,
    customMetadata: {},
    embeddedMetadata: {},
    metadata: {},
    selectedFieldsSchema: {},
  };
  const image = {
    height: kind.height,
    width: kind.width,
    orientation: 1,
    thumbnailUrl: objectUrl(account, object, "tr:n-ik_ml_thumbnail"),
  };
  return {
    ...{ fileId, name, size: bytes.length, filePath, fileType: kind.fileType, AITags: null },
    versionInfo: { id: versionId, name: `Version ${version}` },
    url: objectUrl(account, object),
    ...(kind.fileType === "image" ? image : {}),
    ...Object.fromEntries(Object.entries(optional).filter(([field]) => asked.has(field))),
  };
}
