/** An option of one or more commands. */
export interface Option {
  readonly name: string;
  readonly short?: string;
  /** The name of its value in the help; an option without one is a switch. */
  readonly value?: string;
  /** It may be given several times. */
  readonly isMany?: true;
  readonly help: string;
}

/** A command of the program, as `help`, the completions and the parser know it. */
export interface Command {
  readonly name: string;
  /** Other words for it. */
  readonly aliases: readonly string[];
  /** What follows the name in the help. */
  readonly operands: string;
  /** What the completions offer for an operand. */
  readonly completes?: "hosts" | "topics" | "shells";
  /** How many operands there may be. */
  readonly minOperands: number;
  readonly maxOperands: number;
  readonly summary: string;
  readonly options: readonly Option[];
  /** What `help NAME` prints below the options. */
  readonly more: string;
}

/** Reads variables from a file. */
export const ENV_FILE: Option = {
  name: "env-file",
  value: "PATH",
  help: "read variables from PATH; the environment wins",
};

/** The shells that have completions. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

export type Shell = typeof SHELLS[number];

/** What `help` knows besides the commands. */
export const TOPICS = ["variables"] as const;

/** Options of every command. */
export const COMMON_OPTIONS: readonly Option[] = [
  { name: "help", short: "h", help: "print this text; after a command, about that command" },
  { name: "version", short: "v", help: "print the version" },
];

const command = (
  name: string,
  summary: string,
  rest: Partial<Omit<Command, "name" | "summary">> = {},
): Command => ({
  ...{ name, aliases: [], operands: "", minOperands: 0, maxOperands: 0, summary },
  ...{ options: [], more: "" },
  ...rest,
});

/** The commands in the order of the help. */
export const COMMANDS: readonly Command[] = [
  command("serve", "serve on stdio, as without a command", {
    aliases: ["start", "run"],
    options: [ENV_FILE],
  }),
  command("install", "add this server to an MCP client's configuration", {
    aliases: ["setup", "add"],
    operands: "[HOST...]",
    completes: "hosts",
    maxOperands: Infinity,
    options: [
      { name: "client", short: "c", value: "CLIENT", isMany: true, help: "the client (see below)" },
      { name: "print", help: "print the JSON and write nothing" },
      { name: "name", value: "NAME", help: "name of the server (default: remote)" },
      {
        ...{ name: "env", short: "e", value: "NAME=VALUE", isMany: true },
        help: "set a variable in the file, such as a password",
      },
      {
        name: "accept-risks",
        help: "set I_ACCEPT_RISKS=true (README, DISCLAIMER)",
      },
      { ...ENV_FILE, help: "let the server read its variables from PATH" },
    ],
    more: `HOST is a name in ~/.ssh/config or [user@]address[:port]. Without HOST, the
only host in ~/.ssh/config is used. Several hosts become HOSTS.

Clients: claude-desktop, claude-code, vscode, cursor, windsurf, zed, gemini,
lm-studio. Without --client, the only one on this machine is used.

The old file is kept beside the new one; other servers and comments stay.
No secret is written unless --env gives it.
`,
  }),
  command("trust", "show the keys of a host and add them to known_hosts", {
    operands: "HOST[:PORT]",
    completes: "hosts",
    ...{ minOperands: 1, maxOperands: 1 },
    options: [
      {
        ...{ name: "yes", short: "y", value: "SHA256:...", isMany: true },
        help: "add the key with this fingerprint; ask nothing",
      },
      ENV_FILE,
    ],
    more: `HOST is a name in ~/.ssh/config or an address. Its jump hosts come first, if
their keys are not known. On a terminal, type yes, no or a fingerprint.

A changed or revoked key is never added: the output names the lines in
known_hosts that you may remove when you know why it has changed.
Exit code: 0 if a key of the host is known now, 1 or 2 if not.
`,
  }),
  command("doctor", "check configuration, files, hosts, links and storage", {
    aliases: ["check", "diagnose"],
    options: [{ name: "json", help: "print one JSON object, for scripts" }, ENV_FILE],
    more: "Exit code: 0 if all checks pass, 1 if one fails, 2 if nothing can start.\n",
  }),
  command("permissions", "print what each worker may access", {
    aliases: ["perms"],
    options: [ENV_FILE],
  }),
  command("completions", "print completions: bash, zsh, fish, powershell", {
    operands: "SHELL",
    completes: "shells",
    ...{ minOperands: 1, maxOperands: 1 },
    more: `bash:       source <(mcp-remote-exec completions bash)      in ~/.bashrc
zsh:        source <(mcp-remote-exec completions zsh)       in ~/.zshrc,
            after compinit
fish:       mcp-remote-exec completions fish > \\
              ~/.config/fish/completions/mcp-remote-exec.fish
powershell: mcp-remote-exec completions powershell | Out-String |
              Invoke-Expression                             in $PROFILE
`,
  }),
  command("help", "print this text, or that of COMMAND or variables", {
    operands: "[COMMAND]",
    completes: "topics",
    maxOperands: 1,
  }),
  command("version", "print the version"),
];

/** Returns the command that a word means, if it is one. */
export const commandOf = (word: string): Command | undefined =>
  COMMANDS.find(({ name, aliases }) => name === word || aliases.includes(word));

/** All options by their names, each once. */
export const OPTIONS: ReadonlyMap<string, Option> = new Map(
  [...COMMON_OPTIONS, ...COMMANDS.flatMap(({ options }) => options)]
    .map((option) => [option.name, option]),
);
