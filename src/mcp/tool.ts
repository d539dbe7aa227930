import { z } from "zod";
import type { RemoteExecError } from "../errors.ts";

/** What a tool does to the world: only looks, changes something, or may destroy something. */
export type Effect = "reads" | "changes" | "destroys";

/** How far a call has come. `total` is left out when it is not known. */
export interface Progress {
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

/** What a tool gets besides its arguments. */
export interface ToolContext {
  /** Aborted when the client cancels the call or goes away. */
  readonly signal: AbortSignal;
  /** Undefined when the client did not ask for progress. */
  readonly progress: ((step: Progress) => void) | undefined;
}

/** What a tool answers. A `failure` beside `data` makes an error that still carries its data. */
export interface ToolAnswer<Data> {
  readonly text: string;
  readonly data: Data;
  readonly failure?: RemoteExecError;
}

/** A tool with its types inside; see {@link defineTool}. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly effect: Effect;
  /** Calling it twice with the same arguments is the same as once. */
  readonly idempotent: boolean;
  readonly input: z.ZodObject;
  readonly output: z.ZodType;
  /** Checks the arguments by `input` first. @throws z.ZodError when they do not fit */
  call(args: unknown, context: ToolContext): Promise<ToolAnswer<unknown>>;
}

interface ToolSpec<Input extends z.ZodObject, Output extends z.ZodType> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly effect: Effect;
  readonly idempotent?: boolean;
  readonly input: Input;
  readonly output: Output;
  run(args: z.output<Input>, context: ToolContext): Promise<ToolAnswer<z.input<Output>>>;
}

/** Puts a tool together: everything about it in one object. */
export function defineTool<Input extends z.ZodObject, Output extends z.ZodType>(
  spec: ToolSpec<Input, Output>,
): Tool {
  const { run, idempotent = spec.effect === "reads", ...rest } = spec;
  return {
    ...rest,
    idempotent,
    call: async (args, context) => await run(spec.input.parse(args), context),
  };
}

/** The argument that chooses between sections for people and exactly the structured content. */
export const responseFormat = z.enum(["text", "json"]).default("text")
  .describe('Form of the text block: "text" for people, "json" for exactly the structured content');
