/** Writes a whole text, however little the output takes at a time. */
export function writeAll(output: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += output.writeSync(bytes.subarray(done));
}
