/** Returns a shell script without the indentation of its lines, and without empty lines. */
export const compact = (script: string): string =>
  script.split("\n").map((line) => line.trim()).filter((line) => line !== "").join("\n");
