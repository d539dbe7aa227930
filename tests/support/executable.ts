/**
 * Writes a program and makes it executable.
 *
 * Another process writes the file, because Linux executes no file that is open for writing ("Text file busy"). A
 * file that this process writes may be open in a child that it forks at the same moment, in any thread, until
 * that child executes its own program.
 *
 * @throws Error if the file cannot be written
 */
export function writeExecutable(path: string, text: string): void {
  run("/bin/sh", "-c", 'printf %s "$1" >"$0" && chmod 755 "$0"', path, text);
}

/**
 * Copies programs into a directory, or one program to a path, in another process like
 * {@linkcode writeExecutable}.
 *
 * @throws Error if they cannot be copied
 */
export function copyExecutables(paths: readonly string[], target: string): void {
  if (paths.length > 0) run("cp", "-fL", ...paths, target);
}

function run(program: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(program, { args, stdin: "null" }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
