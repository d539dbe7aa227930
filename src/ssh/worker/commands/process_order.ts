// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import type { Guard, ProcessMark } from "./guard.ts";

/** Under load many commands may end one after the other, each of which spoils one list. */
const LISTS_MS = 2_000;
/** A list lacks a process whose end is told next; one that goes on lacking it is not to be trusted. */
const MOST_SHORT_LISTS = 8;

/**
 * Tells which process of the host belongs to which channel of one connection: the host starts them in
 * the order in which it answers the requests, and tells of each one that ends.
 */
export class ProcessOrder {
  #started: object[] = [];
  #endings = 0;

  /** @param onUnknownEnd called when a channel closes without a word on its process */
  track(channel: ClientChannel, onUnknownEnd: () => void): void {
    this.#started.push(channel);
    channel.on("exit", () => this.#ended(channel));
    channel.on("close", () => {
      if (this.#started.includes(channel)) onUnknownEnd();
    });
  }

  /** A session whose process lives as long as its connection, such as SFTP. */
  trackForever(session: object): void {
    this.#started.push(session);
  }

  /** Has the host not yet told of its end? */
  isRunning(channel: ClientChannel): boolean {
    return this.#started.includes(channel);
  }

  /** The channel's process; undefined when that cannot be told for sure. */
  async identify(channel: ClientChannel, guard: Guard): Promise<ProcessMark | "ended" | undefined> {
    let tooShort = 0;
    const startedAt = performance.now();
    while (tooShort < MOST_SHORT_LISTS && performance.now() - startedAt < LISTS_MS) {
      const endings = this.#endings;
      const marks = await guard.list(3_000);
      if (marks === undefined) return undefined;
      const index = this.#started.indexOf(channel);
      if (index < 0) return "ended";
      // The guard knows its own process: if that one is not where it should be, nothing is.
      if (marks[0]?.split(":")[0] !== guard.pid) return undefined;
      // An end between question and answer leaves open whether the list still has that process.
      // Later ones may be in the list before their request was answered, so it may be longer.
      if (endings !== this.#endings) continue;
      if (marks.length >= this.#started.length) return marks[index];
      tooShort++;
    }
    return undefined;
  }

  #ended(channel: ClientChannel): void {
    const index = this.#started.indexOf(channel);
    if (index < 0) return;
    this.#started.splice(index, 1);
    this.#endings++;
  }
}
