import type { Program } from "../tests/demo/server.ts";
import { PROJECT, tasks } from "../tests/support/project.ts";

/**
 * Compiles the current tree, as `deno task compile` does, but to another path. Needs
 * Deno's download site, or DENORT_BIN.
 *
 * @throws Error when it cannot be compiled here
 */
export async function compileBinary(output: string): Promise<Program> {
  const [deno, ...words] = (tasks().compile ?? "").split(" ");
  const args = words.map((word) => word.startsWith("--output=") ? `--output=${output}` : word);
  if (deno !== "deno" || !args.includes(`--output=${output}`)) {
    throw new TypeError("The task `compile` in deno.json is not `deno compile … --output=…`");
  }
  const env = { NO_COLOR: "1" };
  const command = new Deno.Command(Deno.execPath(), { args, cwd: PROJECT, env });
  const { success, stderr } = await command.output();
  if (success) return { command: output, args: [] };
  const [reason = ""] = new TextDecoder().decode(stderr).split("\nStack backtrace:");
  throw new Error(`\`deno task compile\` fails here (is DENORT_BIN needed?): ${reason.trim()}`);
}
