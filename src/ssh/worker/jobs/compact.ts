/** Returns a shell script without the indentation of its lines, empty lines and comments. */
export const compact = (script: string): string =>
  script.split("\n").map((line) => line.trim()).filter((line) =>
    line !== "" && !line.startsWith("#")
  ).join("\n");
