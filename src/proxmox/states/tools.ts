import * as z from "zod";
import { longOutput } from "../../mcp/long_calls.ts";
import { defineTool, type Effect, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import {
  changeAnswer,
  changeTimeoutArgument,
  forceStopArgument,
  goesOn,
  graceTimeoutArgument,
  idOf,
  idOutput,
  targetArgument,
  targetOf,
} from "../arguments.ts";
import { type Guest, type GuestKind, guestName, KINDS } from "../guests/guest.ts";
import { isRunning } from "../host.ts";
import { actionOf, type ChangeGoingOn, type StateChanges, type Verb } from "./changes.ts";

/** The tools that start, stop, shut down and reboot the guests of one kind. */
export const stateTools = (changes: StateChanges, kind: GuestKind): Tool[] =>
  CHANGES.map((change) => changeTool(changes, kind, change));

/** What the model reads about a tool that changes the state. */
interface ChangeDescription {
  readonly verb: Verb;
  readonly effect: Effect;
  readonly timeout: typeof changeTimeoutArgument;
  /** True adds the argument `force_stop`. */
  readonly mayForce?: true;
  /** The title of the tool, and the past form for its message. */
  readonly words: (noun: string) => readonly [title: string, done: string];
  /** By kind, because the programs differ in what they do. */
  readonly description: (kind: GuestKind, longName: string) => string;
}

const CHANGES: readonly ChangeDescription[] = [
  {
    verb: "start",
    effect: "changes",
    timeout: changeTimeoutArgument,
    words: (noun) => [`Start a ${noun}`, "started"],
    description: (_kind, longName) =>
      `Start a stopped ${longName}. Fails if it is already running.`,
  },
  {
    verb: "stop",
    effect: "destroys",
    timeout: changeTimeoutArgument,
    words: (noun) => [`Stop a ${noun} at once`, "stopped"],
    description: (kind, longName) =>
      `Kill a running ${longName}; unsaved work is lost. Prefer proxmox_shutdown_${kind}.`,
  },
  {
    verb: "shutdown",
    effect: "destroys",
    timeout: graceTimeoutArgument,
    mayForce: true,
    words: (noun) => [`Shut a ${noun} down`, "shut down"],
    description: (kind, longName) =>
      `Ask a running ${longName} to shut down${
        kind === "vm" ? " (ACPI or guest agent)" : ""
      } and wait. ` +
      "If it does not in time, the call fails and it keeps running, unless force_stop is true.",
  },
  {
    verb: "reboot",
    effect: "destroys",
    timeout: graceTimeoutArgument,
    words: (noun) => [`Reboot a ${noun}`, "rebooted"],
    description: (kind, longName) =>
      kind === "container"
        ? `Shut a running ${longName} down and start it again. If it does not stop in time, it is killed.`
        : `Shut a running ${longName} down and start it again; applies pending configuration. ` +
          "If it does not stop in time, the call fails and it keeps running.",
  },
];

const changeTool = (changes: StateChanges, kind: GuestKind, change: ChangeDescription): Tool => {
  const { verb, effect, timeout: timeoutArgument, mayForce, words, description } = change;
  const [title, done] = words(KINDS[kind].noun);
  return defineTool({
    name: `proxmox_${verb}_${kind}`,
    title,
    description: description(kind, KINDS[kind].longName),
    effect,
    input: z.strictObject({
      ...targetArgument[kind],
      timeout: timeoutArgument,
      ...(mayForce ? { force_stop: forceStopArgument } : {}),
      response_format: unlistedFormat,
    }),
    output: longOutput(z.object({
      success: z.literal(true),
      message: z.string(),
      ...idOutput[kind],
      by_ha: z.boolean().optional().describe("HA carried it out"),
      warnings: z.array(z.string()).optional().meta({ unlisted: true }),
    })),
    async run(args, context) {
      const guest = { kind, id: idOf(args) };
      const force = args.force_stop === true;
      const options = { timeoutMs: args.timeout * 1000, force };
      const changed = await changes.change(guest, verb, options, context);
      if (isRunning(changed)) return goingOnAnswer(guest, verb, changed);
      return changeAnswer(`${guestName(guest)} ${done} successfully`, guest, changed);
    },
  });
};

function goingOnAnswer(guest: Guest, verb: Verb, { byHa, ...job }: ChangeGoingOn) {
  const action = actionOf(guest, verb);
  const what = byHa ? `${action} was requested from HA; the wait for it` : action;
  const answer = goesOn(what, job, `proxmox_${guest.kind}_status`);
  return { text: answer.text, data: { ...answer.data, ...targetOf(guest) } };
}
