import { Buffer } from "node:buffer";
import { type Clock, systemClock } from "../../../async/clock.ts";
import { RemoteExecError } from "../../../errors.ts";
import { pageOf } from "../../jobs/page.ts";
import type { JobFacts, JobPage, JobRead, StreamName } from "../../jobs/port.ts";

/** Limits of {@linkcode KeptOutputs}. */
export interface KeptLimits {
  /** Of one command, stdout and stderr together. */
  readonly maxOutputBytes: number;
  readonly maxTotalBytes: number;
  readonly keepMs: number;
}

const LIMITS: KeptLimits = {
  maxOutputBytes: 8_000_000,
  maxTotalBytes: 32_000_000,
  keepMs: 15 * 60_000,
};

/** The facts about a finished command that its kept output carries. */
export type KeptFacts = Omit<JobFacts, "id" | "droppedBytes" | "maxRuntimeMs">;

/**
 * Keeps the beginning of the uncut output of commands, so that a caller can read what was missing in an
 * answer. When the space is used up, the oldest goes first, also that of a command that still runs.
 */
export class KeptOutputs {
  readonly #clock: Clock;
  readonly #limits: KeptLimits;
  /** In the order in which the commands have started. */
  readonly #spools = new Set<Spool>();
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(clock: Clock = systemClock, limits: KeptLimits = LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Max bytes that are kept of one command. */
  get maxOutputBytes(): number {
    return this.#limits.maxOutputBytes;
  }

  /** Collects the output of one command. Call `keep` or `discard` of the result when it has ended. */
  open(): Spool {
    const spool: Spool = new Spool(this.#limits.maxOutputBytes, {
      grown: (bytes) => this.#grow(spool, bytes),
      keep: (facts) => this.#keep(spool, facts),
      discard: () => {
        if (spool.id === undefined) this.#drop(spool);
      },
    });
    this.#spools.add(spool);
    return spool;
  }

  /** @throws RemoteExecError `not_found`, or `limit_reached` for a part that was not kept */
  read({ id, stream, ...range }: JobRead): JobPage {
    const kept = this.#kept.get(id);
    if (kept === undefined) throw outputMissing(id);
    const { facts, spool } = kept;
    const output = spool.bytes(stream);
    const total = stream === "stdout" ? facts.stdoutBytes : facts.stderrBytes;
    const isCut = output.length < total;
    const wantsEnd = range.tailLines !== undefined;
    if (isCut && (wantsEnd || range.from >= output.length)) {
      throw notKept(id, stream, output.length, total);
    }
    return { ...pageOf(output, range), facts };
  }

  #grow(spool: Spool, bytes: number): void {
    this.#bytes += bytes;
    for (const oldest of this.#spools) {
      if (this.#bytes <= this.#limits.maxTotalBytes) return;
      if (oldest !== spool) this.#drop(oldest);
    }
  }

  #keep(spool: Spool, facts: KeptFacts): string | undefined {
    if (!this.#spools.has(spool)) return undefined;
    const id = `out-${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
    const droppedBytes = facts.stdoutBytes + facts.stderrBytes - spool.length;
    this.#kept.set(id, { spool, facts: { ...facts, id, droppedBytes, maxRuntimeMs: 0 } });
    spool.onDrop = this.#clock.after(this.#limits.keepMs, () => this.#drop(spool));
    spool.id = id;
    return id;
  }

  #drop(spool: Spool): void {
    if (!this.#spools.delete(spool)) return;
    this.#bytes -= spool.length;
    spool.clear();
    if (spool.id !== undefined) this.#kept.delete(spool.id);
  }
}

interface Kept {
  readonly spool: Spool;
  readonly facts: JobFacts;
}

interface Owner {
  grown(bytes: number): void;
  keep(facts: KeptFacts): string | undefined;
  discard(): void;
}

/** The beginning of the output of one command. */
export class Spool {
  readonly #maxBytes: number;
  readonly #owner: Owner;
  readonly #chunks: Record<StreamName, Uint8Array[]> = { stdout: [], stderr: [] };
  #length = 0;
  #isClosed = false;
  /** Set by the store for an output that is kept. */
  id: string | undefined;
  onDrop: () => void = () => {};

  constructor(maxBytes: number, owner: Owner) {
    this.#maxBytes = maxBytes;
    this.#owner = owner;
  }

  /** Bytes of both streams that are stored. */
  get length(): number {
    return this.#length;
  }

  /** Adds a chunk; the chunk may be reused afterwards. */
  push(stream: StreamName, chunk: Uint8Array): void {
    const room = this.#isClosed ? 0 : this.#maxBytes - this.#length;
    if (room <= 0 || chunk.length === 0) return;
    const part = chunk.slice(0, room);
    this.#chunks[stream].push(part);
    this.#length += part.length;
    this.#owner.grown(part.length);
  }

  /** Removes everything up to the end of a mark from stderr. Returns how many bytes that was. */
  dropTo(stderrMark: string): number {
    const stderr = Buffer.from(this.bytes("stderr"));
    const at = stderr.indexOf(stderrMark);
    if (at < 0) return 0;
    const removed = at + Buffer.byteLength(stderrMark);
    this.#chunks.stderr = [stderr.subarray(removed)];
    this.#length -= removed;
    this.#owner.grown(-removed);
    return removed;
  }

  /** Keeps the output under the returned id; undefined if there was no space for it. */
  keep(facts: KeptFacts): string | undefined {
    return this.#owner.keep(facts);
  }

  /** Releases an output that was not kept. */
  discard(): void {
    this.#owner.discard();
  }

  bytes(stream: StreamName): Uint8Array {
    const chunks = this.#chunks[stream];
    const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks[stream] = all.length === 0 ? [] : [all];
    return all;
  }

  /** Releases the memory; for the store. */
  clear(): void {
    this.#isClosed = true;
    this.#chunks.stdout = [];
    this.#chunks.stderr = [];
    this.onDrop();
  }
}

const outputMissing = (id: string) =>
  new RemoteExecError(
    "not_found",
    `There is no output ${id}: an output is kept for 15 minutes, and the oldest goes first`,
    "Run the command again with ssh_start_job, whose output the host keeps",
  );

const notKept = (id: string, stream: StreamName, kept: number, total: number) =>
  new RemoteExecError(
    "limit_reached",
    `Of ${stream} of the output ${id} only the first ${kept} of ${total} bytes were kept`,
    "Read from a smaller offset, or run the command again with ssh_start_job",
  );
