/**
 * Writes a program and makes it executable.
 *
 * Another process writes the file: a child that this process forks at the same moment, in any thread, has the
 * file open for writing until it executes its own program, and no file that is open for writing can be
 * executed ("Text file busy").
 *
 * @throws Error if the file cannot be written
 */
export function writeExecutable(path: string, text: string): void {
  run("/bin/sh", "-c", 'printf %s "$1" >"$0" && chmod 755 "$0"', path, text);
}

/** Copies programs into a directory, or one to a path, as {@linkcode writeExecutable} writes one. @throws Error if that fails */
export function copyExecutables(paths: readonly string[], target: string): void {
  if (paths.length > 0) run("cp", "-fL", ...paths, target);
}

function run(program: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(program, { args, stdin: "null" }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
