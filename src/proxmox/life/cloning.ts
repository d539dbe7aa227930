import type { ToolContext } from "../../mcp/tool.ts";
import { type Guest, guestInText, programOf } from "../guests/guest.ts";
import { isRunning } from "../host.ts";
import { copiedNotes } from "./copied.ts";
import type { GuestInTheMaking, GuestMaker, MadeGuest } from "./maker.ts";

/** A clone to be made. */
export interface CloneOrder {
  readonly source: Guest;
  /** Undefined: the next free ID. */
  readonly newId: number | undefined;
  readonly name: string | undefined;
  /** Undefined: linked for a template, full for any other guest. */
  readonly full: boolean | undefined;
  readonly storage: string | undefined;
  readonly snapshot: string | undefined;
  readonly timeoutMs: number;
}

/** Clones guests. */
export class Cloning {
  readonly #maker: GuestMaker;

  constructor(maker: GuestMaker) {
    this.#maker = maker;
  }

  /** Clones a guest; what was copied and may surprise becomes a warning. @throws RemoteExecError */
  async clone(
    { source, newId, name, full, storage, snapshot, timeoutMs }: CloneOrder,
    context: ToolContext,
  ): Promise<MadeGuest | GuestInTheMaking> {
    const nameOption = source.kind === "container" ? "hostname" : "name";
    const made = await this.#maker.make({
      kind: source.kind,
      id: newId,
      source,
      action: (guest) => `Cloning ${guestInText(source)} to ${guestInText(guest)}`,
      command: (id) => ({
        words: [
          ...[programOf(source), "clone", String(source.id), String(id)] as const,
          ...(name === undefined ? [] : [`--${nameOption}=${name}`]),
          ...(full === undefined ? [] : [`--full=${full ? 1 : 0}`]),
          ...(storage === undefined ? [] : [`--storage=${storage}`]),
          ...(snapshot === undefined ? [] : [`--snapname=${snapshot}`]),
        ],
      }),
      name,
      start: false,
      timeoutMs,
    }, context);
    if (isRunning(made)) return made;
    const notes = copiedNotes(source, made.config, { clone: true });
    return { ...made, warnings: [...made.warnings, ...notes] };
  }
}
