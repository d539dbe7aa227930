import { type Context, Hono } from "hono";
import * as z from "zod";
import { RemoteExecError } from "../../../errors.ts";
import { createdMessage, formatCounts, linkRefusedText } from "../../messages.ts";
import type { LinkStore } from "../link_store.ts";
import type { LinkRequest, NewLink } from "../../port.ts";
import type { Exchange } from "./http_server.ts";
import type { RateLimit } from "./rate_limit.ts";
import { isSameSecret } from "../link.ts";

/** What a handler receives besides the request. */
export interface Env {
  readonly Bindings: Exchange;
}

/** What the HTTP API works with. */
export interface ApiParts {
  readonly key: string;
  readonly sessionId: string;
  readonly maxBytes: number;
  create(request: LinkRequest, signal: AbortSignal): Promise<NewLink>;
}

type Refusal = 400 | 401 | 404 | 405 | 422 | 429 | 503;

const SESSION_NOT_FOUND = "Session not found";

const generateRequest = z.object({
  session_id: z.string(),
  file_path: z.string().min(1).max(4096),
  expiry_minutes: z.number().int().min(1).max(60).default(5),
});

/** Returns the two routes for other programs. Both require the API key. Errors are `{ "detail": … }`. */
export function api(parts: ApiParts, limit: RateLimit, store: LinkStore): Hono<Env> {
  const routes = new Hono<Env>();
  for (const [path, method] of [["/generate", "POST"], ["/stats", "GET"]] as const) {
    routes.use(
      path,
      async (context, next) => admit(context, method, parts, limit, store) ?? await next(),
    );
  }
  routes.post("/generate", (context) => generate(context, parts, store));
  routes.get("/stats", async (context) => {
    const session = context.req.query("session_id");
    if (session !== undefined && session !== parts.sessionId) {
      return refuse(context, store, "api session", 404, SESSION_NOT_FOUND);
    }
    await store.settled();
    return context.json({ statistics: formatCounts(store.report().statistics) });
  });
  return routes;
}

/** Returns the answer to a call that is refused, or undefined. */
function admit(
  context: Context<Env>,
  method: "GET" | "POST",
  parts: ApiParts,
  limit: RateLimit,
  store: LinkStore,
): Response | undefined {
  const { address } = context.env;
  const wait = limit.waitSeconds(address);
  if (wait !== undefined) {
    store.journal.slowed(address);
    context.header("Retry-After", String(wait));
    return detail(context, 429, "Too many requests");
  }
  limit.count(address);
  if (!isMethod(context.req.method, method)) {
    context.header("Allow", method === "GET" ? "GET, HEAD" : method);
    return refuse(context, store, "api method", 405, "Method not allowed");
  }
  if (isSameSecret(bearerOf(context), parts.key)) return undefined;
  context.header("WWW-Authenticate", 'Bearer realm="download links"');
  return refuse(context, store, "api key", 401, "The bearer key is missing or wrong");
}

async function generate(
  context: Context<Env>,
  parts: ApiParts,
  store: LinkStore,
): Promise<Response> {
  const request = generateRequest.safeParse(await context.req.json().catch(() => undefined));
  if (!request.success) {
    return refuse(context, store, "api request", 422, invalidText(request.error));
  }
  const { session_id, file_path, expiry_minutes } = request.data;
  if (session_id !== parts.sessionId) {
    return refuse(context, store, "api session", 404, SESSION_NOT_FOUND);
  }
  try {
    const link = await parts.create(
      { from: { kind: "local", path: file_path }, expiryMs: expiry_minutes * 60_000 },
      context.req.raw.signal,
    );
    return context.json({
      token: link.token,
      download_url: link.url,
      expires_at: new Date(link.expiresAtMs).toISOString(),
      file_type: link.fileType,
      message: createdMessage(link, expiry_minutes),
    });
  } catch (error) {
    if (!(error instanceof RemoteExecError)) throw error;
    const [status, text] = error.code === "limit_reached"
      ? [503, error.message] as const
      : [400, linkRefusedText(parts.maxBytes)] as const;
    return refuse(context, store, `api ${error.code}`, status, text);
  }
}

/** Names the wrong field, but never its value. */
function invalidText(error: z.ZodError): string {
  const fields = new Set(error.issues.map((issue) => String(issue.path[0] ?? "the body")));
  if (fields.has("expiry_minutes")) return "expiry_minutes must be between 1 and 60";
  const known = ["session_id", "file_path"].filter((name) => fields.has(name));
  return `Not valid: ${known.length > 0 ? known.join(", ") : "the body is not a JSON object"}`;
}

const bearerOf = (context: Context<Env>): string =>
  /^Bearer +(.*)$/i.exec(context.req.header("authorization") ?? "")?.[1]?.trim() ?? "";

const isMethod = (given: string, wanted: "GET" | "POST"): boolean =>
  given === wanted || (wanted === "GET" && given === "HEAD");

function refuse(
  context: Context<Env>,
  store: LinkStore,
  reason: string,
  status: Refusal,
  text: string,
): Response {
  store.journal.refused(reason, context.env.address);
  return detail(context, status, text);
}

const detail = (context: Context<Env>, status: Refusal, text: string): Response =>
  context.json({ detail: text }, status);
