import { type Command, COMMANDS, COMMON_OPTIONS, ENV_FILE, type Option } from "../commands.ts";
import { type Completed, formsOf, LIST_HOSTS, operandOf, optionsOf, valueOf } from "./words.ts";

/** Returns the completions for zsh, to be sourced or put into a directory of `fpath`. */
export function zshCompletions(): string {
  const described = COMMANDS.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  return `#compdef mcp-remote-exec
# zsh completions for mcp-remote-exec
_mcp_remote_exec_hosts() {
  local -a hosts
  hosts=(\${(f)"$(${LIST_HOSTS})"})
  compadd -a hosts
}
_mcp_remote_exec() {
  local context state line curcontext=$curcontext
  typeset -A opt_args
  local -a commands
  commands=(
${described.join("\n")}
  )
  _arguments -C \\
${[...COMMON_OPTIONS, ENV_FILE].map((option) => `    ${specification(option)} \\`).join("\n")}
    '1: :->command' '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest)
      case $words[1] in
${COMMANDS.map(ofCommand).join("\n")}
      esac ;;
  esac
}
if [[ $funcstack[1] == _mcp_remote_exec ]]; then
  _mcp_remote_exec "$@"
else
  compdef _mcp_remote_exec mcp-remote-exec
fi
`;
}

function ofCommand(command: Command): string {
  const operand = action(operandOf(command));
  const specifications = [
    ...optionsOf(command).map(specification),
    ...(operand === undefined ? [] : [quoted(`*: :${operand}`)]),
  ];
  const names = [command.name, ...command.aliases].join("|");
  return `        ${names}) _arguments ${specifications.join(" ")} ;;`;
}

function specification(option: Option): string {
  const value = valueOf(option);
  const suffix = value === undefined
    ? ""
    : `:${option.value?.toLowerCase().replace(/\W.*/, "")}:${action(value) ?? " "}`;
  const forms = formsOf(option);
  const help = `[${option.help.replace(/[[\]]/g, "")}]${suffix}`;
  if (option.isMany) return forms.map((form) => quoted(`*${form}${help}`)).join(" ");
  return forms.map((form) => quoted(`(${forms.join(" ")})${form}${help}`)).join(" ");
}

function action(completed: Completed): string | undefined {
  switch (completed.kind) {
    case "words":
      return `(${completed.words.join(" ")})`;
    case "beginnings":
      return `{compadd -S '' -- ${completed.words.join(" ")}}`;
    case "files":
      return "_files";
    case "hosts":
      return "_mcp_remote_exec_hosts";
    default:
      return undefined;
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
