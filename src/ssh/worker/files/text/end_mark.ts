import { Buffer } from "node:buffer";
import type { CommandStream } from "../../commands/command_stream.ts";
import type { ShellEndpoint } from "../remote_file_errors.ts";
import { endedEarly } from "../shell/shell_files.ts";

/**
 * The end of a script's output, which no file contains. The end of the stream would show neither whether the
 * output is complete nor when: what the login's start-up files have started may keep the stream open.
 */
export class EndMark {
  readonly #text = `end-${crypto.randomUUID()}`;

  /** A script statement that prints the mark. */
  get print(): string {
    return `printf %s ${this.#text}`;
  }

  /**
   * Returns the bytes before the mark.
   *
   * @returns undefined if they are more than `maxBytes`
   * @throws RemoteExecError `connection_lost`, `io_error` if the output ends without the mark
   */
  async read(
    stream: CommandStream,
    end: ShellEndpoint,
    maxBytes: number,
  ): Promise<Uint8Array | undefined> {
    const mark = Buffer.from(this.#text);
    const parts: Uint8Array[] = [];
    let [length, tail] = [0, Buffer.alloc(0)];
    while (!tail.equals(mark)) {
      if (length > maxBytes + mark.length) return undefined;
      const chunk = await stream.read();
      if (chunk === undefined) throw await endedEarly(stream, end);
      const copy = Buffer.from(chunk);
      parts.push(copy);
      length += copy.length;
      tail = Buffer.concat([tail, copy.subarray(-mark.length)]).subarray(-mark.length);
    }
    return Buffer.concat(parts).subarray(0, length - mark.length);
  }
}
