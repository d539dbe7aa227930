import * as z from "zod";
import type { RemoteExecError } from "../errors.ts";

/** Whether a tool only reads, changes something, or may destroy something. */
export type Effect = "reads" | "changes" | "destroys";

/** The progress of a call. `total` is omitted when it is not known. */
export interface Progress {
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

/** What a tool gets in addition to its arguments. */
export interface ToolContext {
  /** Aborted when the client cancels the call or disconnects. */
  readonly signal: AbortSignal;
  /** Undefined when the client did not ask for progress. */
  readonly progress: ((step: Progress) => void) | undefined;
}

/** What a tool returns. With a `failure`, the result is an error that still carries `data`. */
export interface ToolAnswer<Data> {
  readonly text: string;
  readonly data: Data;
  readonly failure?: RemoteExecError;
}

/** A tool whose argument types are hidden; see {@linkcode defineTool}. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly effect: Effect;
  /** Calling it twice with the same arguments has the effect of one call. */
  readonly idempotent: boolean;
  readonly input: z.ZodObject;
  readonly output: z.ZodType;
  /** Parses the arguments with `input` first. @throws z.ZodError when they do not match it */
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

/** Defines a tool: everything about it in one object. By default a tool is idempotent if it only reads. */
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

/**
 * Chooses the form of the text block: `json` is exactly the structured content. Listed by the tools
 * that have always had it. Without a description, because its name says it.
 */
export const responseFormat = z.enum(["text", "json"]).default("text");

/** The same for all other tools: accepted, but not listed, because each listing costs tokens. */
export const unlistedFormat = responseFormat.meta({ unlisted: true });
