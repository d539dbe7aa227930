import { variableNames } from "../../config/variables/environment_names.ts";
import {
  type Command,
  COMMANDS,
  COMMON_OPTIONS,
  type Option,
  SHELLS,
  TOPICS,
} from "../commands.ts";
import { CLIENT_IDS } from "../install/clients.ts";

/** What follows an option or a command: words to choose from, or something that the shell knows. */
export type Completed =
  | { readonly kind: "words"; readonly words: readonly string[] }
  /** Beginnings that more text follows. */
  | { readonly kind: "beginnings"; readonly words: readonly string[] }
  | { readonly kind: "files" | "hosts" | "nothing" };

/** Returns what an option takes; undefined if it takes no value. */
export function valueOf({ value }: Option): Completed | undefined {
  switch (value) {
    case undefined:
      return undefined;
    case "PATH":
      return { kind: "files" };
    case "CLIENT":
      return { kind: "words", words: CLIENT_IDS };
    case "NAME=VALUE":
      return { kind: "beginnings", words: variableNames().map((name) => `${name}=`) };
    default:
      return { kind: "nothing" };
  }
}

/** Returns what the operands of a command are. */
export function operandOf({ completes }: Command): Completed {
  switch (completes) {
    case "hosts":
      return { kind: "hosts" };
    case "shells":
      return { kind: "words", words: SHELLS };
    case "topics":
      return { kind: "words", words: [...COMMANDS.map(({ name }) => name), ...TOPICS] };
    default:
      return { kind: "nothing" };
  }
}

/** The options that take a value, each once, with all their forms. */
export const optionsWithValue = (): readonly Option[] => {
  const options = new Map(
    COMMANDS.flatMap(({ options }) => options).map((each) => [each.name, each]),
  );
  return [...options.values()].filter(({ value }) => value !== undefined);
};

/** Returns the forms of an option: `--client`, `-c`. */
export const formsOf = ({ name, short }: Option): string[] =>
  short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];

/** Returns the options that a command takes. */
export const optionsOf = ({ options }: Command): Option[] => [
  ...options,
  ...COMMON_OPTIONS.filter(({ name }) => name === "help"),
];

/** A shell command that prints the names of the hosts in the user's SSH configuration; bash would run a `$(…)` in one. */
export const LIST_HOSTS =
  `awk 'tolower($1) == "host" { for (i = 2; i <= NF; i++) if ($i ~ /^[A-Za-z0-9._-]+$/) print $i }' ~/.ssh/config 2>/dev/null`;
