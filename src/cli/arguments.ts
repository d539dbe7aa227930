import { parseArgs } from "node:util";
import { closest } from "../config/closest.ts";
import { shownValue } from "../config/environment.ts";

/** What the command line asks for. */
export type Task =
  | { readonly kind: "serve" | "permissions" | "doctor"; readonly envFile: string | undefined }
  | { readonly kind: "help" | "version" }
  | { readonly kind: "mistake"; readonly message: string };

const OPTIONS = {
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" },
  "env-file": { type: "string" },
} as const;

/** Other spellings of the options that only print something. */
const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ["-V", "--version"],
  ["-?", "--help"],
  ["/?", "--help"],
]);

const COMMANDS = ["doctor", "permissions", "help", "version"];

/** Parses the command line, without the program's name. A help or version option wins over mistakes. */
export function parseArguments(args: readonly string[]): Task {
  // Not strict: the messages below name what is wrong and point to --help.
  const { values, positionals, tokens } = parseArgs({
    args: args.map((arg) => SPELLINGS.get(arg) ?? arg),
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  if (values.help) return { kind: "help" };
  if (values.version) return { kind: "version" };
  const options = tokens.filter((token) => token.kind === "option");
  const unknown = options.find(({ name }) => !Object.hasOwn(OPTIONS, name));
  if (unknown !== undefined) {
    const { rawName } = unknown;
    const names = Object.keys(OPTIONS).map((name) => `--${name}`);
    const meant = closest(rawName, names) ?? closest(rawName.replace(/^-+/, ""), COMMANDS);
    return mistake(`unknown option ${shownValue(rawName)}`, meant);
  }
  const envFile = options.filter(({ name }) => name === "env-file").at(-1);
  // `--env-file --verbose` lacks a path; `--env-file=--verbose` has one.
  const isPath = envFile?.value && (envFile.inlineValue || !envFile.value.startsWith("-"));
  if (envFile !== undefined && !isPath) return mistake("--env-file needs a path");
  const [word, extra] = positionals;
  if (word === "help" || word === "version") return { kind: word };
  if (extra !== undefined) return mistake(`unexpected argument ${shownValue(extra)}`);
  if (word === undefined) return { kind: "serve", envFile: envFile?.value };
  if (word === "permissions" || word === "doctor") return { kind: word, envFile: envFile?.value };
  return mistake(`unknown command ${shownValue(word)}`, closest(word.toLowerCase(), COMMANDS));
}

/** @param meant what was probably meant */
const mistake = (message: string, meant?: string): Task => ({
  kind: "mistake",
  message: `${message}${
    meant === undefined ? "" : `; did you mean ${meant}?`
  }\n  -> Run mcp-remote-exec --help`,
});
