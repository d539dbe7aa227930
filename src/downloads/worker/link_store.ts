import type { Clock } from "../../async/clock.ts";
import { valueWithin } from "../../async/deadline.ts";
import { noSuchLink, tooManyLinks } from "../errors.ts";
import type { LinkEvent, LinkReport, OpenLink } from "../port.ts";
import { Coverage } from "./coverage.ts";
import { LinkJournal } from "./link_journal.ts";
import type { Source } from "./sources/source.ts";
import {
  digestOf,
  type Ending,
  isClaimant,
  type Link,
  newSecret,
  newTokenId,
  type Visitor,
} from "./link.ts";

/** Max number of open links. */
export const MAX_OPEN_LINKS = 100;

/** A browser that hands a download over to another program does so within this time. */
const HANDOVER_MS = 15_000;

/** Download managers retry what has failed within this time; axel after 20 s. */
const RESUME_MS = 25_000;

/** Expired links are removed at least this often. */
const SWEEP_MS = 300_000;

/** The links of this session: creates, claims and ends them. */
export class LinkStore {
  readonly #clock: Clock;
  /** The events of the links. */
  readonly journal: LinkJournal;
  readonly #bindAddress: boolean;
  readonly #settleMs: number;
  readonly #links = new Map<string, Link>();
  readonly #ended: Record<Ending, number> = { used: 0, expired: 0, revoked: 0, changed: 0 };
  #stopSweep: (() => void) | undefined;
  #total = 0;
  #bytesServed = 0;

  /** @param settleMs see {@linkcode LinkStore.settled} */
  constructor(
    clock: Clock,
    bindAddress: boolean,
    onEvent: (event: LinkEvent) => void,
    settleMs: number,
  ) {
    this.#clock = clock;
    this.#bindAddress = bindAddress;
    this.#settleMs = settleMs;
    this.journal = new LinkJournal(clock, onEvent);
  }

  /** Checks that another link may be made. @throws RemoteExecError `limit_reached` */
  checkRoom(): void {
    if (this.#open().length >= MAX_OPEN_LINKS) throw tooManyLinks(MAX_OPEN_LINKS);
  }

  /** Creates a link. Only a digest of its token is kept. @throws RemoteExecError `limit_reached` */
  create(source: Source, expiryMs: number): { token: string; link: Link } {
    this.checkRoom();
    const token = newSecret();
    const link: Link = {
      id: newTokenId(),
      digest: digestOf(token),
      source,
      expiresAtMs: this.#clock.now() + expiryMs,
      endsAtMs: this.#clock.elapsed() + expiryMs,
      covered: new Coverage(source.size),
      abort: new AbortController(),
      claim: undefined,
      ending: undefined,
      running: 0,
      stopGrace: undefined,
      unconfirmed: new Set(),
      onIdle: new Set(),
    };
    this.#links.set(link.digest, link);
    this.#total++;
    this.#sweepLater();
    this.journal.note(link, "created", {
      source: source.origin,
      file_name: source.name,
      size: source.size,
      expires_at: new Date(link.expiresAtMs).toISOString(),
    });
    return { token, link };
  }

  /** Returns the link of a token: an open one, or one whose file has changed, until it expires. */
  find(token: string): Link | undefined {
    const link = this.#links.get(digestOf(token));
    if (link === undefined || this.#isOver(link)) return undefined;
    return link.ending === undefined || link.ending === "changed" ? link : undefined;
  }

  /**
   * Reports whether the link is unclaimed, or claimed by this visitor.
   *
   * @param isIdle true to assume that no download of the link is running
   */
  mayTake(link: Link, visitor: Visitor, isIdle = link.running === 0): boolean {
    return this.needsClaim(link, visitor, isIdle) || this.hasClaimed(link, visitor, isIdle);
  }

  /**
   * Reports whether the visitor may make the claim: of an unclaimed link, or of one whose button was just
   * pressed in a browser that hands the download over to another program of the same machine, as phones do.
   */
  needsClaim(link: Link, visitor: Visitor, isIdle = link.running === 0): boolean {
    const { claim } = link;
    if (claim === undefined) return true;
    return claim.byButton && !visitor.isPress && isIdle && !link.covered.hasAny &&
      this.#clock.elapsed() - claim.madeAtMs < HANDOVER_MS &&
      visitor.address === claim.address && visitor.userAgent !== claim.userAgent &&
      visitor.claimCookie(link.id) === undefined;
  }

  /** Reports whether this visitor has claimed the link. */
  hasClaimed(link: Link, visitor: Visitor, isIdle = link.running === 0): boolean {
    const { claim } = link;
    if (claim === undefined || this.#bindAddress && visitor.address !== claim.address) return false;
    return isClaimant(link, claim, visitor, isIdle);
  }

  /** Claims an unclaimed link for the visitor and returns the secret of the claim. Others are refused from now on. */
  claim(link: Link, { address, userAgent, isPress }: Visitor): string {
    const secret = newSecret();
    const madeAtMs = link.claim?.madeAtMs ?? this.#clock.elapsed();
    link.claim = {
      secretDigest: digestOf(secret),
      address,
      userAgent,
      isServed: false,
      madeAtMs,
      byButton: isPress,
    };
    this.journal.note(link, "claimed", { address });
    return secret;
  }

  /** Records that the claimant receives content: the claim is never released from now on. */
  served(link: Link): void {
    if (link.claim?.isServed === false) this.journal.countSkipped(link);
    if (link.claim !== undefined) link.claim.isServed = true;
  }

  /**
   * Releases a claim after a temporary failure. A claim under which content was sent, or a request is
   * still running, is kept.
   */
  release(link: Link): void {
    if (link.claim === undefined || link.claim.isServed || link.running > 0) return;
    link.claim = undefined;
    this.journal.note(link, "released");
  }

  /**
   * Waits briefly for downloads that are ending, of one link or of all, so that an interrupted client can
   * resume at once and a report is correct. Clients that keep their connections open are not waited for.
   */
  async settled(links: Iterable<Link> = this.#links.values()): Promise<void> {
    const ends = [...links].flatMap(({ unconfirmed }) => [...unconfirmed]);
    if (ends.length > 0) await valueWithin(Promise.all(ends), this.#settleMs);
  }

  /** Waits briefly until no download of the link is running. A closed connection may not be noticed yet. */
  async idle(link: Link): Promise<void> {
    if (link.running === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    link.onIdle.add(resolve);
    await valueWithin(promise, this.#settleMs);
    link.onIdle.delete(resolve);
  }

  /** Counts bytes that a download has sent; a negative number takes back what was not received. */
  count(bytes: number): void {
    this.#bytesServed += bytes;
  }

  /** Ends a link. Does nothing if it has ended already. */
  end(link: Link, ending: Ending, more: LinkEvent = {}): void {
    if (link.ending !== undefined) return;
    link.ending = ending;
    link.stopGrace?.();
    this.#ended[ending]++;
    this.journal.note(link, ending, more);
    if (ending === "revoked") link.abort.abort();
    // A changed link reports why until it expires.
    if (ending !== "changed") this.#links.delete(link.digest);
  }

  /**
   * Ends a link as used after a grace time, if everything was sent to parallel downloads, and the client
   * requests nothing until then.
   */
  endUnlessResumed(link: Link): void {
    const { covered, running, source } = link;
    if (source.kind === "directory" || link.ending !== undefined) return;
    if (running > 0 || !covered.isProbable) return;
    link.stopGrace?.();
    link.stopGrace = this.#clock.after(RESUME_MS, () => {
      this.count(covered.missing);
      this.end(link, "used", { bytes: covered.missing });
    });
  }

  /** Ends an open link and its running downloads. @throws RemoteExecError `not_found` */
  revoke(tokenId: string): void {
    const link = this.#open().find(({ id }) => id === tokenId);
    if (link === undefined) throw noSuchLink(tokenId);
    this.end(link, "revoked");
  }

  /** Returns the counts of all links, and the open ones. */
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
      link.stopGrace?.();
      if (link.ending === undefined) this.journal.note(link, "closed");
    }
    this.#links.clear();
  }

  /** Returns the links that have not ended. A link does not expire while it is being downloaded. */
  #open(): Link[] {
    for (const link of this.#links.values()) {
      if (!this.#isOver(link) || link.running > 0) continue;
      if (link.ending === "changed") this.#links.delete(link.digest);
      else this.end(link, "expired");
    }
    return [...this.#links.values()].filter((link) => link.ending === undefined);
  }

  /** A clock that is set back must not make a link live longer than its expiry in minutes. */
  #isOver({ expiresAtMs, endsAtMs }: Link): boolean {
    return this.#clock.now() >= expiresAtMs || this.#clock.elapsed() >= endsAtMs;
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
