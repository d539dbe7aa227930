// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";

/** Daemons that keep the output of an ended command open keep these many sessions, not more. */
const MAX_LINGERING = 3;

/** Channels of ended commands that others on the host still hold open; what they write is dropped. */
export class Lingering {
  #channels: ClientChannel[] = [];

  /** Takes a channel over; `onClose` is called once it is closed. */
  add(channel: ClientChannel, onClose: () => void): void {
    // An iterator that was left leaves such a listener behind, with which nothing flows.
    channel.removeAllListeners("readable");
    channel.resume();
    channel.stderr.resume();
    channel.once("close", () => {
      this.#channels = this.#channels.filter((each) => each !== channel);
      onClose();
    });
    this.#channels.push(channel);
    if (this.#channels.length > MAX_LINGERING) this.#channels.shift()?.close();
  }
}
