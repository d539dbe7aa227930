import { fileURLToPath } from "node:url";

/** The project's directory, without a final slash. */
export const PROJECT: string = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Returns the absolute path of a file of the project. */
export const projectFile = (path: string): string => `${PROJECT}/${path}`;

/** Returns the tasks of deno.json by name. */
export function tasks(): Record<string, string> {
  // `deno task` has already checked the shape of deno.json.
  const manifest = JSON.parse(Deno.readTextFileSync(projectFile("deno.json"))) as {
    tasks: Record<string, string>;
  };
  return manifest.tasks;
}

/** Returns the options of a task's last command, such as `deno compile`: every word that starts with `-`. */
export const flagsOf = (task: string): string[] =>
  (tasks()[task] ?? "").replace(/^.* && /, "").split(" ").filter((word) => word.startsWith("-"));
