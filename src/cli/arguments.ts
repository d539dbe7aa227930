import { parseArgs } from "node:util";
import { closest } from "../config/closest.ts";
import { shownValue } from "../config/environment.ts";
import {
  type Command,
  commandOf,
  COMMANDS,
  COMMON_OPTIONS,
  OPTIONS,
  type Shell,
  SHELLS,
  TOPICS,
} from "./commands.ts";

/** What the command line asks for. */
export type Task =
  | { readonly kind: "serve" | "permissions"; readonly envFile: string | undefined }
  | DoctorTask
  | InstallTask
  | TrustTask
  | { readonly kind: "completions"; readonly shell: Shell }
  | { readonly kind: "help"; readonly topic?: string }
  | { readonly kind: "version" }
  | { readonly kind: "mistake"; readonly message: string };

/** `doctor`: checks the setup. */
export interface DoctorTask {
  readonly kind: "doctor";
  readonly envFile: string | undefined;
  readonly asJson: boolean;
}

/** `install`: adds the server to the configuration of clients. */
export interface InstallTask {
  readonly kind: "install";
  readonly hosts: readonly string[];
  readonly clients: readonly string[];
  readonly name: string | undefined;
  /** `NAME=VALUE` each, unchecked. */
  readonly variables: readonly string[];
  readonly envFile: string | undefined;
  readonly acceptsRisks: boolean;
  readonly printsOnly: boolean;
}

/** `trust`: adds keys of a host to known_hosts. */
export interface TrustTask {
  readonly kind: "trust";
  /** `HOST` or `HOST:PORT`, unchecked. */
  readonly host: string;
  /** Fingerprints, unchecked. */
  readonly expected: readonly string[];
  readonly envFile: string | undefined;
}

/** Other spellings of options. */
const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ["-V", "--version"],
  ["-?", "--help"],
  ["/?", "--help"],
  ["--dry-run", "--print"],
  ["--accept-risk", "--accept-risks"],
]);

/** The options as `parseArgs()` takes them. */
const PARSED_OPTIONS = Object.fromEntries(
  [...OPTIONS.values()].map(({ name, short, value }) => [name, {
    type: value === undefined ? "boolean" as const : "string" as const,
    multiple: true,
    ...(short === undefined ? {} : { short }),
  }]),
);

interface GivenOption {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

/** Parses the command line, without the program's name. A help or version option wins over mistakes. */
export function parseArguments(args: readonly string[]): Task {
  // Not strict: the messages below name what is wrong and point to --help.
  const { positionals, tokens } = parseArgs({
    args: args.map((arg) => SPELLINGS.get(arg) ?? arg),
    options: PARSED_OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const options = tokens.filter((token) => token.kind === "option");
  const [word, ...operands] = positionals;
  const isGiven = (name: string) => options.some((option) => option.name === name);
  if (isGiven("help")) return helpOn(word === undefined ? undefined : commandOf(word)?.name);
  if (isGiven("version")) return { kind: "version" };
  const wrong = wrongOption(options);
  if (wrong !== undefined) return wrong;
  const command = word === undefined ? COMMANDS[0] : commandOf(word);
  if (command === undefined) return unknownCommand(word ?? "");
  const mistaken = misplaced(command, options, operands);
  return mistaken ?? taskOf(command, operands, options);
}

function wrongOption(options: readonly GivenOption[]): Task | undefined {
  const unknown = options.find(({ name }) => !OPTIONS.has(name));
  if (unknown !== undefined) {
    const { rawName } = unknown;
    const names = [...OPTIONS.keys()].map((name) => `--${name}`);
    const meant = closest(rawName, names) ?? closest(rawName.replace(/^-+/, ""), commandNames());
    return mistake(`unknown option ${shownValue(rawName)}`, meant);
  }
  const lacking = options.find((option) => !hasValue(option));
  const value = lacking && OPTIONS.get(lacking.name)?.value;
  if (lacking === undefined || value === undefined) return undefined;
  return mistake(`--${lacking.name} needs a ${VALUE_WORDS.get(value) ?? value}`);
}

const VALUE_WORDS: ReadonlyMap<string, string> = new Map([
  ...[["PATH", "path"], ["CLIENT", "client"], ["NAME", "name"]] as const,
  ["NAME=VALUE", "variable: NAME=VALUE"],
  ["SHA256:...", "fingerprint: SHA256:..."],
]);

/** `--env-file --verbose` lacks a path; `--env-file=--verbose` has one. */
function hasValue({ name, value, inlineValue }: GivenOption): boolean {
  if (OPTIONS.get(name)?.value === undefined) return true;
  return Boolean(value && (inlineValue || !value.startsWith("-")));
}

function unknownCommand(word: string): Task {
  return mistake(
    `unknown command ${shownValue(word)}`,
    closest(word.toLowerCase(), commandNames()),
  );
}

function misplaced(
  { name, options: own, minOperands, maxOperands, operands: shown }: Command,
  options: readonly GivenOption[],
  operands: readonly string[],
): Task | undefined {
  const foreign = options.find((option) =>
    ![...COMMON_OPTIONS, ...own].some((each) => each.name === option.name)
  );
  if (foreign !== undefined && foreign.name !== ALWAYS_ACCEPTED) {
    const owners = COMMANDS.filter((each) =>
      each.options.some((option) => option.name === foreign.name)
    ).map((each) => each.name);
    return mistake(`--${foreign.name} is an option of ${owners.join(" and ")}, not of ${name}`);
  }
  const extra = operands[maxOperands];
  if (extra !== undefined) return mistake(`unexpected argument ${shownValue(extra)}`);
  return operands.length < minOperands ? mistake(`${name} needs ${shown}`) : undefined;
}

/** `help` and `version` need no variables, but a wrapper may always pass the file. */
const ALWAYS_ACCEPTED = "env-file";

function taskOf(
  { name }: Command,
  operands: readonly string[],
  options: readonly GivenOption[],
): Task {
  const valuesOf = (option: string) =>
    options.filter((each) => each.name === option).map(({ value }) => value ?? "");
  const isGiven = (option: string) => options.some((each) => each.name === option);
  const envFile = valuesOf("env-file").at(-1);
  switch (name) {
    case "help":
      return helpTask(operands[0]);
    case "version":
      return { kind: name };
    case "install":
      return {
        ...{ kind: name, hosts: operands, clients: valuesOf("client"), envFile },
        ...{ name: valuesOf("name").at(-1), variables: valuesOf("env") },
        ...{ acceptsRisks: isGiven("accept-risks"), printsOnly: isGiven("print") },
      };
    case "completions":
      return completionsTask(operands[0] ?? "");
    case "trust":
      return { kind: name, host: operands[0] ?? "", expected: valuesOf("yes"), envFile };
    case "doctor":
      return { kind: name, envFile, asJson: isGiven("json") };
    case "permissions":
      return { kind: name, envFile };
    default:
      return { kind: "serve", envFile };
  }
}

function completionsTask(word: string): Task {
  const shell = SHELLS.find((each) => each === word) ?? OTHER_SHELLS.get(word);
  if (shell !== undefined) return { kind: "completions", shell };
  return mistake(`no completions for ${shownValue(word)}`, closest(word.toLowerCase(), SHELLS));
}

const OTHER_SHELLS: ReadonlyMap<string, Shell> = new Map([["pwsh", "powershell"]]);

function helpTask(word: string | undefined): Task {
  if (word === undefined) return { kind: "help" };
  const topic = commandOf(word)?.name ?? TOPICS.find((each) => each === word);
  return topic === undefined
    ? mistake(
      `no help on ${shownValue(word)}`,
      closest(word.toLowerCase(), [...commandNames(), ...TOPICS]),
    )
    : helpOn(topic);
}

const helpOn = (topic: string | undefined): Task => ({
  kind: "help",
  ...(topic === undefined ? {} : { topic }),
});

const commandNames = (): string[] => COMMANDS.map(({ name }) => name);

/** @param meant what was probably meant */
const mistake = (message: string, meant?: string): Task => ({
  kind: "mistake",
  message: `${message}${
    meant === undefined ? "" : `; did you mean ${meant}?`
  }\n  -> Run mcp-remote-exec --help`,
});
