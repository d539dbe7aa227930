/** What the command line asks for. */
export type Task =
  | { readonly kind: "serve" | "permissions" | "doctor"; readonly envFile: string | undefined }
  | { readonly kind: "help" | "version" }
  | { readonly kind: "mistake"; readonly message: string };

/** Reads the command line, without the program's name. */
export function parseArguments(args: readonly string[]): Task {
  if (args.some((arg) => arg === "--help" || arg === "-h")) return { kind: "help" };
  if (args.some((arg) => arg === "--version" || arg === "-v")) return { kind: "version" };
  const words: string[] = [];
  let envFile: string | undefined;
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--env-file") envFile = args[++index] ?? "";
    else if (arg.startsWith("--env-file=")) envFile = arg.slice("--env-file=".length);
    else words.push(arg);
  }
  if (envFile === "") return mistake("--env-file needs a path");
  if (words.length > 1) return mistake(`unexpected argument "${words[1]}"`);
  const [word] = words;
  if (word === undefined) return { kind: "serve", envFile };
  if (word === "permissions" || word === "doctor") return { kind: word, envFile };
  return mistake(`unknown ${word.startsWith("-") ? "option" : "command"} "${word}"`);
}

const mistake = (message: string): Task => ({
  kind: "mistake",
  message: `${message}\n  -> Run mcp-remote-exec --help`,
});
