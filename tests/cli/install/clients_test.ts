import assert from "node:assert/strict";
import { CLIENT_IDS, clientsOn } from "../../../src/cli/install/clients.ts";
import { pure } from "../../support/pure.ts";

const files = (...[places]: Parameters<typeof clientsOn>) =>
  Object.fromEntries(clientsOn(places).map(({ id, file }) => [id, file]));

pure("clientsOn() knows the files on Linux", () => {
  assert.deepEqual(files({ os: "linux", home: "/home/a", env: {} }), {
    "claude-desktop": "/home/a/.config/Claude/claude_desktop_config.json",
    "claude-code": "/home/a/.claude.json",
    vscode: "/home/a/.config/Code/User/mcp.json",
    cursor: "/home/a/.cursor/mcp.json",
    windsurf: "/home/a/.codeium/windsurf/mcp_config.json",
    zed: "/home/a/.config/zed/settings.json",
    gemini: "/home/a/.gemini/settings.json",
    "lm-studio": "/home/a/.lmstudio/mcp.json",
  });
});

pure("clientsOn() knows the files on macOS", () => {
  const found = files({ os: "darwin", home: "/Users/a", env: {} });
  const support = "/Users/a/Library/Application Support";
  assert.equal(found["claude-desktop"], `${support}/Claude/claude_desktop_config.json`);
  assert.equal(found["vscode"], `${support}/Code/User/mcp.json`);
  assert.equal(found["zed"], "/Users/a/.config/zed/settings.json");
});

pure("clientsOn() knows the files on Windows, with and without APPDATA", () => {
  const home = "C:\\Users\\a";
  for (const env of [{}, { APPDATA: `${home}\\AppData\\Roaming` }]) {
    const found = files({ os: "windows", home, env });
    const roaming = `${home}\\AppData\\Roaming`;
    assert.equal(found["claude-desktop"], `${roaming}\\Claude\\claude_desktop_config.json`);
    assert.equal(found["vscode"], `${roaming}\\Code\\User\\mcp.json`);
    assert.equal(found["zed"], `${roaming}\\Zed\\settings.json`);
    assert.equal(found["claude-code"], `${home}\\.claude.json`);
  }
});

pure("clientsOn() follows XDG_CONFIG_HOME and CLAUDE_CONFIG_DIR", () => {
  const env = { XDG_CONFIG_HOME: "/x", CLAUDE_CONFIG_DIR: "/c" };
  const found = files({ os: "linux", home: "/home/a", env });
  assert.equal(found["claude-desktop"], "/x/Claude/claude_desktop_config.json");
  assert.equal(found["claude-code"], "/c/.claude.json");
});

pure("CLIENT_IDS has every client", () => {
  assert.deepEqual(clientsOn({ os: "linux", home: "/", env: {} }).map(({ id }) => id), CLIENT_IDS);
});
