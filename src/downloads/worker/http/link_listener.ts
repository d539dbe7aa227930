import { type Context, Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { Clock } from "../../../async/clock.ts";
import type { Logger } from "../../../log.ts";
import { api, type ApiParts, type Env } from "./api_routes.ts";
import type { Deliveries, Delivery } from "./deliveries.ts";
import { fileChanged } from "../../errors.ts";
import { DEAD_LINK } from "../../messages.ts";
import { isAutomaticVisit, SECURITY_HEADERS, wishOf } from "./headers.ts";
import type { HttpHandler } from "./http_server.ts";
import { isTokenShaped, type Link, type Visitor } from "../link.ts";
import type { LinkStore } from "../link_store.ts";
import { changedPage, deadPage, laterPage, linkPage, PAGE_POLICY } from "./page.tsx";
import { type Words, wordsFor } from "./page_words.ts";
import { RateLimit } from "./rate_limit.ts";

/** Max number of unknown tokens, and of HTTP API calls, from one address in a minute. */
const PER_MINUTE = 60;
const MINUTE_MS = 60_000;

/** What the listener works with. */
export interface ListenerParts {
  readonly store: LinkStore;
  readonly deliveries: Deliveries;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The URL under which people reach the server. It decides path and `Secure` of the cookie. */
  readonly publicUrl: () => URL;
  /** Who sends the links, for their pages. */
  readonly sender?: string | undefined;
  /** Undefined if the HTTP API is off. */
  readonly api: ApiParts | undefined;
}

/** Returns the handler of all requests for download links. */
export function linkListener(parts: ListenerParts): HttpHandler {
  const app = new Hono<Env>();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      if (!context.res.headers.has(name)) context.res.headers.set(name, value);
    }
  });
  if (parts.api !== undefined) {
    const limit = new RateLimit(parts.clock, PER_MINUTE, MINUTE_MS);
    app.route("/api/download", api(parts.api, limit, parts.store));
  }
  const links = new LinkRoutes(parts);
  app.get("/api/download/:token", (context) => links.show(context, context.req.param("token")));
  app.post("/api/download/:token", (context) => links.press(context, context.req.param("token")));
  app.notFound((context) => context.text("Not found", 404));
  app.onError((error, context) => {
    parts.logger.error("defect in the handler of the download links", error);
    return context.text("Internal error", 500);
  });
  return async (request, exchange) =>
    await app.fetch(withoutPrefix(request, parts.publicUrl()), exchange);
}

/** All routes are below it. */
const ROOT = "/api/download/";

/** Removes the path of the public URL, which may look like a route: a proxy keeps it or removes it itself. */
function withoutPrefix(request: Request, publicUrl: URL): Request {
  const prefix = publicUrl.pathname.replace(/\/+$/, "");
  const url = new URL(request.url);
  if (prefix === "" || !url.pathname.startsWith(`${prefix}${ROOT}`)) return request;
  url.pathname = url.pathname.slice(prefix.length);
  return new Request(url, request);
}

class LinkRoutes {
  readonly #parts: ListenerParts;
  readonly #misses: RateLimit;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    this.#misses = new RateLimit(parts.clock, PER_MINUTE, MINUTE_MS);
  }

  /** GET and HEAD: a page for browsers, the content for other programs. */
  async show(context: Context<Env>, token: string): Promise<Response> {
    return await this.#withLink(context, token, async (link, visitor) => {
      const { store, deliveries } = this.#parts;
      const wish = wishOf(context.req.raw.headers);
      const resumes = store.hasClaimed(link, visitor) && visitor.hasRange;
      if (wish === "content" || resumes) {
        if (context.req.method !== "HEAD") return await this.#deliver(context, link, visitor);
        const failure = await deliveries.check(link);
        return this.#answer(context, failure ?? deliveries.head(link, wanted(context)), link);
      }
      const failure = await deliveries.check(link);
      return failure === undefined
        ? this.#page(context, link)
        : this.#answer(context, failure, link);
    });
  }

  /** POST: the download button. */
  async press(context: Context<Env>, token: string): Promise<Response> {
    return await this.#withLink(context, token, async (link, visitor) => {
      if (isAutomaticVisit(context.req.raw.headers)) return this.#page(context, link);
      return await this.#deliver(context, link, visitor);
    });
  }

  /** Finds the link. A visitor who may not have it gets the answer of all dead links. */
  async #withLink(
    context: Context<Env>,
    token: string,
    use: (link: Link, visitor: Visitor) => Promise<Response> | Response,
  ): Promise<Response> {
    const { store } = this.#parts;
    const { address } = context.env;
    const link = isTokenShaped(token) ? store.find(token) : undefined;
    if (link === undefined) return this.#unknown(context);
    await store.settled([link]);
    const visitor = visitorOf(context, address);
    // A browser hands over, or a program starts an archive again: its old connection has just closed.
    if (!store.mayTake(link, visitor) && store.mayTake(link, visitor, true)) await store.idle(link);
    if (link.ending === "changed") {
      return this.#answer(context, { kind: "changed", reason: fileChanged().message }, link);
    }
    if (link.ending !== undefined) return this.#unknown(context);
    if (!store.mayTake(link, visitor)) return this.#dead(context, "claimed by another", link.id);
    return await use(link, visitor);
  }

  async #deliver(context: Context<Env>, link: Link, visitor: Visitor): Promise<Response> {
    const delivery = await this.#parts.deliveries.take(
      link,
      visitor,
      wanted(context),
      () => context.env.received(),
    );
    return this.#answer(context, delivery, link);
  }

  #answer(context: Context<Env>, delivery: Delivery, link: Link): Response {
    switch (delivery.kind) {
      case "content":
        if (delivery.claimSecret !== undefined) {
          this.#setClaim(context, link, delivery.claimSecret);
        }
        return delivery.body === null
          ? context.body(null, delivery.status, { ...delivery.headers })
          : context.body(delivery.body, delivery.status, { ...delivery.headers });
      case "unsatisfiable":
        context.header("Content-Range", `bytes */${delivery.size}`);
        return context.text("The file does not have the requested range", 416);
      case "changed":
        this.#parts.store.journal.refused("changed", context.env.address, link.id);
        return reply(context, 410, delivery.reason, changedPage);
      case "unavailable":
        context.header("Retry-After", "5");
        return reply(
          context,
          503,
          "The file cannot be read right now, try again in a few seconds",
          (words) => laterPage(words.laterTitle, words.laterText, words),
        );
      case "dead":
        return this.#dead(context, "claimed by another", link.id);
    }
  }

  /** Only unknown tokens are limited: a person who shares an address with an attacker keeps the links. */
  #unknown(context: Context<Env>): Response {
    const { address } = context.env;
    const wait = this.#misses.waitSeconds(address);
    if (wait !== undefined) {
      this.#parts.store.journal.slowed(address);
      return tooManyRequests(context, wait);
    }
    this.#misses.count(address);
    return this.#dead(context, "unknown");
  }

  #dead(context: Context<Env>, reason: string, tokenId?: string): Response {
    this.#parts.store.journal.refused(reason, context.env.address, tokenId);
    return reply(context, 404, DEAD_LINK, deadPage);
  }

  #page(context: Context<Env>, link: Link): Response {
    const { clock, sender } = this.#parts;
    const view = { words: wordsOf(context), sender };
    return html(context, 200, linkPage(link.source, link.expiresAtMs, clock.now(), view));
  }

  #setClaim(context: Context<Env>, link: Link, secret: string): void {
    const { protocol, pathname } = this.#parts.publicUrl();
    const path = `${pathname.replace(/\/+$/, "")}${ROOT}`;
    setCookie(context, claimCookie(link.id), secret, {
      // A semicolon would end the attribute.
      path: path.includes(";") ? "/" : path,
      httpOnly: true,
      // A Strict cookie is not sent when a person clicks the link in a web chat again.
      sameSite: "Lax",
      secure: protocol === "https:",
      maxAge: Math.max(1, Math.ceil((link.expiresAtMs - this.#parts.clock.now()) / 1000)),
    });
  }
}

/** The name contains the id of the link, because one person may have several links. */
const claimCookie = (tokenId: string): string => `claim_${tokenId}`;

const visitorOf = (context: Context<Env>, address: string): Visitor => ({
  address,
  userAgent: context.req.header("user-agent") ?? "",
  claimCookie: (tokenId) => getCookie(context, claimCookie(tokenId)),
  hasRange: context.req.header("range") !== undefined,
  isProgram: wishOf(context.req.raw.headers) === "content",
  isPress: context.req.method === "POST",
});

const wanted = (context: Context<Env>) => ({
  range: context.req.header("range"),
  ifRange: context.req.header("if-range"),
});

const wordsOf = (context: Context<Env>): Words => wordsFor(context.req.header("accept-language"));

/** Answers with a page for browsers, in their language, and with a message for other programs. */
function reply(
  context: Context<Env>,
  status: 404 | 410 | 429 | 503,
  message: string,
  page: (words: Words) => string,
): Response {
  if (wishOf(context.req.raw.headers) === "page") {
    return html(context, status, page(wordsOf(context)));
  }
  return context.text(message, status);
}

function html(context: Context<Env>, status: 200 | 404 | 410 | 429 | 503, page: string): Response {
  context.header("Content-Security-Policy", PAGE_POLICY);
  return context.html(page, status);
}

function tooManyRequests(context: Context<Env>, waitSeconds: number): Response {
  context.header("Retry-After", String(waitSeconds));
  const message = "Too many requests, try again in a minute";
  return reply(context, 429, message, (words) => laterPage(words.busyTitle, words.busyText, words));
}
