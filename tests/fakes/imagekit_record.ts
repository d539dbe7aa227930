import type { Operation } from "./imagekit_plan.ts";

/** One request as it arrived, for a test's assertions. File contents are left out. */
export interface RecordedRequest {
  readonly operation: Operation | "unknown";
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Text fields of a form, in their order. */
  readonly fields: readonly { name: string; value: string }[];
  readonly files: readonly { name: string; fileName: string; type: string; bytes: number }[];
  /** Body of a request that is not a form. */
  readonly body: string;
  /** Status of the answer; 0 before the answer. */
  status: number;
}

/** A request read to its end, so that a refusal never breaks a connection that is still sending. */
export interface Incoming {
  readonly method: string;
  readonly url: URL;
  /** Path and query as they were sent: a signature covers them unchanged. */
  readonly target: string;
  readonly headers: Headers;
  /** Absent when the body is not well-formed `multipart/form-data`. */
  readonly form: FormData | undefined;
  /** Absent when the body is not JSON. */
  readonly json: unknown;
  readonly record: Omit<RecordedRequest, "operation" | "status">;
}

export async function readIncoming(request: Request): Promise<Incoming> {
  const { method, headers, url } = request;
  const body = await request.bytes();
  const form = await parseForm(headers.get("content-type") ?? "", body);
  const text = form === undefined ? new TextDecoder().decode(body) : "";
  const entries = form === undefined ? [] : [...form];
  return {
    method,
    url: new URL(url),
    target: url.slice(url.indexOf("/", url.indexOf("//") + 2)),
    headers,
    form,
    json: parseJson(text),
    record: {
      ...{ method, url, headers: Object.fromEntries(headers), body: text },
      fields: entries.flatMap(([name, value]) =>
        typeof value === "string" ? [{ name, value }] : []
      ),
      files: entries.flatMap(([name, value]) =>
        typeof value === "string"
          ? []
          : [{ name, fileName: value.name, type: value.type, bytes: value.size }]
      ),
    },
  };
}

async function parseForm(
  contentType: string,
  body: Uint8Array<ArrayBuffer>,
): Promise<FormData | undefined> {
  if (!/^multipart\/form-data\b/i.test(contentType)) return undefined;
  try {
    return await new Response(body, { headers: { "content-type": contentType } }).formData();
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
