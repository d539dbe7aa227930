import { posix, win32 } from "node:path";
import type { Environment } from "../../config/environment.ts";

/** An MCP client and where it keeps its list of servers. */
export interface Client {
  /** The word for `--client`. */
  readonly id: string;
  readonly name: string;
  readonly file: string;
  /** The client has been used on this machine if one of these exists. */
  readonly signs: readonly string[];
  /** The member of the file that holds the servers. */
  readonly key: "mcpServers" | "servers" | "context_servers";
  /** Members that an entry needs besides command, args and env. */
  readonly extra: Readonly<Record<string, string>>;
  /** How the client learns of the change. */
  readonly next: string;
}

/** Where this system keeps files of programs. */
export interface Places {
  readonly os: typeof Deno.build.os;
  readonly home: string;
  readonly env: Environment;
}

const STDIO = { type: "stdio" };

/**
 * Returns the known clients with their files on this system.
 *
 * Sources: code.visualstudio.com "MCP configuration reference"; zed.dev "Model Context Protocol"; the README
 * files of published MCP servers for the others. Claude Desktop for Linux is a community build.
 */
export function clientsOn({ os, home, env }: Places): Client[] {
  const { join } = os === "windows" ? win32 : posix;
  const xdg = env.XDG_CONFIG_HOME || join(home, ".config");
  /** Where desktop programs keep their settings. */
  const settings = os === "windows"
    ? env.APPDATA || join(home, "AppData", "Roaming")
    : os === "darwin"
    ? join(home, "Library", "Application Support")
    : xdg;
  const claudeCode = env.CLAUDE_CONFIG_DIR || home;
  const zed = os === "windows" ? join(settings, "Zed") : join(xdg, "zed");
  const inFolder = (folder: string, file: string) => ({
    file: join(folder, file),
    signs: [folder],
  });
  const plain = { key: "mcpServers", extra: {} } as const;
  return [
    {
      ...{ id: "claude-desktop", name: "Claude Desktop", ...plain },
      ...inFolder(join(settings, "Claude"), "claude_desktop_config.json"),
      next: "Restart Claude Desktop",
    },
    {
      ...{ id: "claude-code", name: "Claude Code", key: "mcpServers", extra: STDIO },
      file: join(claudeCode, ".claude.json"),
      signs: [join(claudeCode, ".claude.json"), join(home, ".claude")],
      next: "Start a new session of Claude Code",
    },
    {
      ...{ id: "vscode", name: "VS Code", key: "servers", extra: STDIO },
      ...inFolder(join(settings, "Code", "User"), "mcp.json"),
      next: "Start the server in VS Code (MCP: List Servers)",
    },
    {
      ...{ id: "cursor", name: "Cursor", ...plain, ...inFolder(join(home, ".cursor"), "mcp.json") },
      next: "Restart Cursor",
    },
    {
      ...{ id: "windsurf", name: "Windsurf", ...plain },
      ...inFolder(join(home, ".codeium", "windsurf"), "mcp_config.json"),
      next: "Refresh the MCP servers in Windsurf",
    },
    {
      ...{ id: "zed", name: "Zed", key: "context_servers", extra: { source: "custom" } },
      ...inFolder(zed, "settings.json"),
      next: "Zed starts the server by itself",
    },
    {
      ...{ id: "gemini", name: "Gemini CLI", ...plain },
      ...inFolder(join(home, ".gemini"), "settings.json"),
      next: "Restart Gemini CLI",
    },
    {
      ...{ id: "lm-studio", name: "LM Studio", ...plain },
      ...inFolder(join(home, ".lmstudio"), "mcp.json"),
      next: "LM Studio starts the server by itself",
    },
  ];
}

/** The words for `--client`. */
export const CLIENT_IDS: readonly string[] = [
  ...["claude-desktop", "claude-code", "vscode", "cursor", "windsurf", "zed", "gemini"],
  "lm-studio",
];
