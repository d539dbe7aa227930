import type { Program } from "../tests/demo/server.ts";
import { PROJECT, tasks } from "../tests/support/project.ts";

/**
 * Compiles the current tree, as `deno task compile` does, but writes the executable to `output`. Needs
 * esbuild, and Deno's download site or DENORT_BIN. Overwrites `dist/modules`.
 *
 * @throws Error when it cannot be compiled here
 */
export async function compileBinary(output: string): Promise<Program> {
  const commands = (tasks().compile ?? "").split(" && ");
  if (!commands.at(-1)?.includes(" --output=")) {
    throw new TypeError(
      "The task `compile` in deno.json does not end with `deno compile --output=…`",
    );
  }
  for (const command of commands) {
    const [deno, ...words] = command.split(" ");
    if (deno !== "deno") throw new TypeError("The task `compile` in deno.json is not `deno …`");
    const args = words.map((word) => word.startsWith("--output=") ? `--output=${output}` : word);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      ...{ args, cwd: PROJECT, env: { NO_COLOR: "1" } },
    }).output();
    if (success) continue;
    const [reason = ""] = new TextDecoder().decode(stderr).split("\nStack backtrace:");
    const hint = command === commands.at(-1) ? " (is DENORT_BIN needed?)" : "";
    throw new Error(`\`deno task compile\` fails here${hint}: ${reason.trim()}`);
  }
  return { command: output, args: [] };
}
