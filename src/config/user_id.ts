/**
 * Returns the ID of the user that runs this process; undefined if it cannot be determined. Reads the owner of a
 * new file: asking for the ID would need `--allow-sys`.
 */
export function userId(): number | undefined {
  try {
    const path = Deno.makeTempFileSync();
    try {
      return Deno.statSync(path).uid ?? undefined;
    } finally {
      Deno.removeSync(path);
    }
  } catch {
    return undefined;
  }
}
