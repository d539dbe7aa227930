import { COMMANDS, COMMON_OPTIONS, ENV_FILE } from "../commands.ts";
import {
  type Completed,
  formsOf,
  LIST_HOSTS,
  operandOf,
  optionsOf,
  optionsWithValue,
  valueOf,
} from "./words.ts";

/** Returns the completions for bash 3.2 or later. */
export function bashCompletions(): string {
  const valued = optionsWithValue();
  const first = [
    ...COMMANDS.map(({ name }) => name),
    ...[...COMMON_OPTIONS, ENV_FILE].map(({ name }) => `--${name}`),
  ];
  const values = valued.map((option) =>
    `    ${formsOf(option).join("|")}) ${reply(valueOf(option))}; return ;;`
  );
  const commands = COMMANDS.map((command) => {
    const names = [command.name, ...command.aliases].join("|");
    const options = optionsOf(command).map(({ name }) => `--${name}`).join(" ");
    return `    ${names})
      case $cur in
        -*) ${words(options)} ;;
        *) ${reply(operandOf(command))} ;;
      esac ;;`;
  });
  return `# bash completions for mcp-remote-exec
_mcp_remote_exec() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= i IFS=$' \\t\\n'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${valued.flatMap(formsOf).join("|")}) i=$((i + 1)) ;;
      -*) ;;
      *) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case $prev in
${values.join("\n")}
  esac
  case $command in
    '') ${words(first.join(" "))} ;;
${commands.join("\n")}
  esac
}
complete -F _mcp_remote_exec mcp-remote-exec
`;
}

const words = (list: string): string => `COMPREPLY=($(compgen -W '${list}' -- "$cur"))`;

function reply(completed: Completed | undefined): string {
  switch (completed?.kind) {
    case "words":
      return words(completed.words.join(" "));
    case "beginnings":
      return `${words(completed.words.join(" "))}; compopt -o nospace 2>/dev/null`;
    case "files":
      return "IFS=$'\\n'; COMPREPLY=($(compgen -f -- \"$cur\")); compopt -o filenames 2>/dev/null";
    case "hosts":
      return `COMPREPLY=($(compgen -W "$(${LIST_HOSTS})" -- "$cur"))`;
    default:
      return ":";
  }
}
