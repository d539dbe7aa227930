import { fileURLToPath } from "node:url";

/** The project's directory, without a final slash. */
export const PROJECT: string = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** A file of the project by its path in the tree. */
export const projectFile = (path: string): string => `${PROJECT}/${path}`;

/** The tasks of deno.json by name. */
export function tasks(): Record<string, string> {
  // deno.json is the project's own and `deno task` has read it before.
  const manifest = JSON.parse(Deno.readTextFileSync(projectFile("deno.json"))) as {
    tasks: Record<string, string>;
  };
  return manifest.tasks;
}

/** The options that a task hands to `deno run` or `deno compile`: everything that begins with `--`. */
export const flagsOf = (task: string): string[] =>
  (tasks()[task] ?? "").split(" ").filter((word) => word.startsWith("--"));
