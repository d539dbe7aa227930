import type { Clock } from "../../async/clock.ts";
import { noSuchLink, tooManyLinks } from "../errors.ts";
import type { LinkEvent, LinkReport, OpenLink } from "../port.ts";
import { RateLimit } from "./http/rate_limit.ts";
import type { Source } from "./sources/source.ts";
import {
  type Claim,
  Coverage,
  digestOf,
  type Ending,
  isSameSecret,
  type Link,
  newSecret,
  newTokenId,
  type Visitor,
} from "./link.ts";

/** Links that may be open at the same time. */
export const MAX_OPEN_LINKS = 100;

/** How often an address that has to wait is written down. */
const CROWD_MS = 60_000;

/** How often what has expired is cleared away, when nobody asks for it before. */
const SWEEP_MS = 300_000;

/** The links of this session: their birth, their one claimant, their end. */
export class LinkStore {
  readonly #clock: Clock;
  readonly #onEvent: (event: LinkEvent) => void;
  readonly #bindAddress: boolean;
  readonly #crowds: RateLimit;
  readonly #links = new Map<string, Link>();
  readonly #ended: Record<Ending, number> = { used: 0, expired: 0, revoked: 0, changed: 0 };
  #stopSweep: (() => void) | undefined;
  #total = 0;
  #bytesServed = 0;

  constructor(clock: Clock, bindAddress: boolean, onEvent: (event: LinkEvent) => void) {
    this.#clock = clock;
    this.#bindAddress = bindAddress;
    this.#onEvent = onEvent;
    this.#crowds = new RateLimit(clock, 1, CROWD_MS);
  }

  /** @throws RemoteExecError `limit_reached` when no further link may be opened */
  checkRoom(): void {
    if (this.#open().length >= MAX_OPEN_LINKS) throw tooManyLinks(MAX_OPEN_LINKS);
  }

  /** Makes a link; its token is not kept. @throws RemoteExecError `limit_reached` */
  create(source: Source, expiryMs: number): { token: string; link: Link } {
    this.checkRoom();
    const token = newSecret();
    const link: Link = {
      id: newTokenId(),
      digest: digestOf(token),
      source,
      expiresAtMs: this.#clock.now() + expiryMs,
      covered: new Coverage(source.size),
      abort: new AbortController(),
      claim: undefined,
      ending: undefined,
      running: 0,
    };
    this.#links.set(link.digest, link);
    this.#total++;
    this.#sweepLater();
    this.note(link, "created", {
      source: source.origin,
      file_name: source.name,
      size: source.size,
      expires_at: new Date(link.expiresAtMs).toISOString(),
    });
    return { token, link };
  }

  /** The link behind a token that is alive, or whose file has changed and which has not expired yet. */
  find(token: string): Link | undefined {
    const link = this.#links.get(digestOf(token));
    if (link === undefined || this.#clock.now() >= link.expiresAtMs) return undefined;
    return link.ending === undefined || link.ending === "changed" ? link : undefined;
  }

  /** May this visitor have the link: because nobody has claimed it, or because it was this one? */
  mayTake(link: Link, visitor: Visitor): boolean {
    return link.claim === undefined || this.#isClaimant(link, link.claim, visitor);
  }

  /** Has this visitor claimed the link? */
  hasClaimed(link: Link, visitor: Visitor): boolean {
    return link.claim !== undefined && this.#isClaimant(link, link.claim, visitor);
  }

  /** Gives an unclaimed link to the visitor, whose secret is returned. Everybody else is refused then. */
  claim(link: Link, { address, userAgent }: Visitor): string {
    const secret = newSecret();
    link.claim = { secretDigest: digestOf(secret), address, userAgent, isServed: false };
    this.note(link, "claimed", { address });
    return secret;
  }

  /** Notes that the claimant gets content: the link is never given to another from now on. */
  served(link: Link): void {
    if (link.claim !== undefined) link.claim.isServed = true;
  }

  /**
   * Takes back a claim that came to nothing for a reason that may pass. One under which something was
   * given, or a request still runs, stays.
   */
  release(link: Link): void {
    if (link.claim === undefined || link.claim.isServed || link.running > 0) return;
    link.claim = undefined;
    this.note(link, "released");
  }

  /** Counts bytes that a download has handed over. */
  handedOver(link: Link, start: number, end: number): void {
    if (link.source.kind === "file") link.covered.add(start, end);
    this.#bytesServed += end - start;
  }

  /** Ends a link, once. */
  end(link: Link, ending: Ending, more: LinkEvent = {}): void {
    if (link.ending !== undefined) return;
    link.ending = ending;
    this.#ended[ending]++;
    this.note(link, ending, more);
    if (ending === "revoked") link.abort.abort();
    // A changed one goes on telling why until it expires.
    if (ending !== "changed") this.#links.delete(link.digest);
  }

  /** @throws RemoteExecError `not_found` */
  revoke(tokenId: string): void {
    const link = this.#open().find(({ id }) => id === tokenId);
    if (link === undefined) throw noSuchLink(tokenId);
    this.end(link, "revoked");
  }

  /** Writes down that somebody was refused; the token itself is never named. */
  refused(reason: string, address: string, tokenId?: string): void {
    this.#onEvent({
      event: "download_link",
      action: "refused",
      reason,
      address,
      ...(tokenId === undefined ? {} : { token_id: tokenId }),
    });
  }

  /** Writes down that an address has to wait, not each time: a crowd must not fill the disk. */
  slowed(address: string): void {
    if (this.#crowds.waitSeconds(address) !== undefined) return;
    this.#crowds.count(address);
    this.refused("too many requests", address);
  }

  /** Writes down what happened to a link. */
  note(link: Link, action: string, more: LinkEvent = {}): void {
    this.#onEvent({ event: "download_link", action, token_id: link.id, ...more });
  }

  report(): LinkReport {
    const open = this.#open();
    const { used, expired, revoked, changed } = this.#ended;
    return {
      statistics: {
        total: this.#total,
        active: open.length,
        used: used + changed,
        expired: expired + revoked,
      },
      bytesServed: this.#bytesServed,
      openLinks: open.map(describe),
    };
  }

  /** Ends every download and forgets all links. */
  close(): void {
    this.#stopSweep?.();
    for (const link of this.#links.values()) {
      link.abort.abort();
      if (link.ending === undefined) this.note(link, "closed");
    }
    this.#links.clear();
  }

  #isClaimant({ id, source, running }: Link, claim: Claim, visitor: Visitor): boolean {
    const { address, userAgent, hasRange, isProgram } = visitor;
    if (this.#bindAddress && address !== claim.address) return false;
    const secret = visitor.claimCookie(id);
    if (secret !== undefined) return isSameSecret(digestOf(secret), claim.secretDigest);
    if (address !== claim.address || userAgent !== claim.userAgent) return false;
    // An archive has no parts: a program that begins it again asks just as it did at first.
    return hasRange || (isProgram && source.kind === "directory" && running === 0);
  }

  /** The links that are not over. One whose time has passed lives on while a download of it runs. */
  #open(): Link[] {
    const now = this.#clock.now();
    for (const link of this.#links.values()) {
      if (now < link.expiresAtMs || link.running > 0) continue;
      if (link.ending === "changed") this.#links.delete(link.digest);
      else this.end(link, "expired");
    }
    return [...this.#links.values()].filter((link) => link.ending === undefined);
  }

  #sweepLater(): void {
    this.#stopSweep ??= this.#clock.after(SWEEP_MS, () => {
      this.#stopSweep = undefined;
      this.#open();
      if (this.#links.size > 0) this.#sweepLater();
    });
  }
}

const describe = ({ id, source, expiresAtMs, claim }: Link): OpenLink => ({
  tokenId: id,
  fileName: source.name,
  fileType: source.kind,
  source: source.origin,
  size: source.size,
  expiresAtMs,
  claimed: claim !== undefined,
});
