import type {
  DirectoryFailure,
  DirectoryOutcome,
  DirectoryProgress,
} from "../../directories/port.ts";

const MAX_SHOWN = 20;
const MAX_WARNINGS = 5;
const PROGRESS_MS = 250;

/** A warning: everything has its content. */
export const NOT_TOUCHED = "The mode or time of some files or directories could not be set";

/** Counts what a copy has done, and reports its progress. */
export class Tally {
  readonly #startedAt = performance.now();
  readonly #progress: ((step: DirectoryProgress) => void) | undefined;
  readonly #onMove: () => void;
  readonly #failed: DirectoryFailure[] = [];
  readonly #warnings: string[] = [];
  #failedCount = 0;
  #sent = 0;
  #sentBytes = 0;
  #files = 0;
  #bytes = 0;
  #reportedAt = performance.now();
  /** What is to be moved. */
  total = { files: 0, bytes: 0 };
  unchanged = 0;
  deleted = 0;

  constructor(progress: ((step: DirectoryProgress) => void) | undefined, onMove: () => void) {
    this.#progress = progress;
    this.#onMove = onMove;
  }

  /** Some bytes of a file were moved. */
  moved(bytes: number): void {
    this.#bytes += bytes;
    this.#onMove();
    if (performance.now() - this.#reportedAt >= PROGRESS_MS) this.#report();
  }

  /** All bytes of a file were moved. */
  passed(): void {
    this.#files++;
  }

  /** A file or link is at the destination. */
  arrived(bytes: number): void {
    this.#sent++;
    this.#sentBytes += bytes;
  }

  fail(path: string, reason: string): void {
    this.#failedCount++;
    if (this.#failed.length < MAX_SHOWN) this.#failed.push({ path, reason });
  }

  warn(text: string): void {
    if (this.#warnings.length < MAX_WARNINGS && !this.#warnings.includes(text)) {
      this.#warnings.push(text);
    }
  }

  outcome(): DirectoryOutcome {
    this.#report();
    return {
      sent: this.#sent,
      unchanged: this.unchanged,
      deleted: this.deleted,
      failed: this.#failed,
      failedCount: this.#failedCount,
      bytes: this.#sentBytes,
      durationMs: Math.round(performance.now() - this.#startedAt),
      warnings: this.#warnings,
    };
  }

  #report(): void {
    this.#reportedAt = performance.now();
    const { files, bytes } = this.total;
    const done = { files: this.#files, bytes: this.#bytes };
    this.#progress?.({ ...done, totalFiles: files, totalBytes: bytes });
  }
}
