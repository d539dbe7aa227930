import assert from "node:assert/strict";
import { editServers, type Wanted } from "../../../src/cli/install/edit_servers.ts";
import { pure } from "../../support/pure.ts";

const start = { command: "/opt/mcp-remote-exec", args: [] };
const env = { I_ACCEPT_RISKS: "true", HOST: "web1" };
const wanted: Wanted = { key: "mcpServers", name: undefined, start, env, extra: {} };
const ENTRY = { command: "/opt/mcp-remote-exec", env };

const NEW_FILES: readonly (readonly [string, string])[] = [
  ["a missing or empty file", ""],
  ["a blank file", " \n"],
  ["an empty object", "{}"],
  ["an empty list of servers", '{"mcpServers": {}}'],
  ["an object on one line", '{ "mcpServers": { "a": { "command": "b" } } }'],
];

for (const [name, text] of NEW_FILES) {
  pure(`editServers() adds the server to ${name}`, () => {
    const edited = editServers(text, wanted);
    assert.deepEqual([edited.change, edited.name], ["added", "remote"]);
    assert.deepEqual(JSON.parse(edited.text).mcpServers.remote, ENTRY);
  });
}

const WITH_COMMENTS = `// my settings
{
    "theme": "dark", // not bright
    "mcpServers": {
        /* the first one */
        "files": {
            "command": "npx" // from npm
        } // keep
    } // servers
}
`;

pure("editServers() keeps every comment beside what it is about", () => {
  assert.equal(
    editServers(WITH_COMMENTS, wanted).text,
    `// my settings
{
    "theme": "dark", // not bright
    "mcpServers": {
        /* the first one */
        "files": {
            "command": "npx" // from npm
        }, // keep
        "remote": {
            "command": "/opt/mcp-remote-exec",
            "env": {
                "I_ACCEPT_RISKS": "true",
                "HOST": "web1"
            }
        }
    } // servers
}
`,
  );
});

pure("editServers() keeps tabs, CRLF, a byte order mark and a trailing comma", () => {
  const text = '\ufeff{\r\n\t"servers": {\r\n\t\t"a": {},\r\n\t},\r\n}\r\n';
  const edited = editServers(text, { ...wanted, key: "servers", extra: { type: "stdio" } });
  assert.equal(
    edited.text,
    '\ufeff{\r\n\t"servers": {\r\n\t\t"a": {},\r\n\t\t"remote": {\r\n\t\t\t"type": "stdio",\r\n' +
      '\t\t\t"command": "/opt/mcp-remote-exec",\r\n\t\t\t"env": {\r\n' +
      '\t\t\t\t"I_ACCEPT_RISKS": "true",\r\n\t\t\t\t"HOST": "web1"\r\n\t\t\t}\r\n\t\t},\r\n\t},\r\n}\r\n',
  );
});

pure("editServers() changes nothing when the server is already there", () => {
  const once = editServers(WITH_COMMENTS, wanted).text;
  assert.deepEqual(editServers(once, wanted), {
    ...{ text: once, change: "none", name: "remote", removed: [] },
  });
});

const existing = (entry: unknown, name = "remote") =>
  JSON.stringify({ mcpServers: { other: { command: "x" }, [name]: entry } }, null, 2);

const UPDATES: readonly (readonly [string, unknown, unknown])[] = [
  [
    "a new path, and keeps what a person added",
    { command: "/old/mcp-remote-exec", disabled: false, env: { ...env, SSH_PASSWORD: "s" } },
    { ...ENTRY, disabled: false, env: { ...env, SSH_PASSWORD: "s" } },
  ],
  [
    "a binary in place of npx",
    { command: "npx", args: ["-y", "mcp-remote-exec@1.2.3"], env },
    ENTRY,
  ],
  [
    "a path, and keeps the program's own arguments",
    { command: "C:\\bin\\mcp-remote-exec.exe", args: ["--env-file", "x"], env },
    { ...ENTRY, args: ["--env-file", "x"] },
  ],
  [
    "another host, without the login of the old one",
    { command: "/opt/mcp-remote-exec", env: { HOST: "old", SSH_USERNAME: "bob", TIMEOUT: "60" } },
    { ...ENTRY, env: { TIMEOUT: "60", ...env } },
  ],
];

for (const [what, before, after] of UPDATES) {
  pure(`editServers() updates ${what}`, () => {
    const edited = editServers(existing(before), wanted);
    assert.equal(edited.change, "updated");
    const { mcpServers } = JSON.parse(edited.text);
    assert.deepEqual(mcpServers, { other: { command: "x" }, remote: after });
  });
}

pure("editServers() updates the server under the name that it has", () => {
  const edited = editServers(existing({ command: "/old/mcp-remote-exec" }, "ssh"), wanted);
  assert.deepEqual([edited.change, edited.name], ["updated", "ssh"]);
  const second = editServers(edited.text, { ...wanted, name: "db" });
  assert.deepEqual([second.change, second.name], ["added", "db"]);
  assert.deepEqual(Object.keys(JSON.parse(second.text).mcpServers), ["other", "ssh", "db"]);
});

pure("editServers() names the variables of another host that it removed", () => {
  const before = { command: "mcp-remote-exec", env: { HOST: "old", SSH_KEY: "k", SSH_PORT: "1" } };
  assert.deepEqual(editServers(existing(before), wanted).removed, ["SSH_PORT", "SSH_KEY"]);
});

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ["text that is not JSON", '{\n  "a": 1\n  "b": 2\n}', /^it is not JSON \(line 3, column 3\)$/],
  ["an unfinished file", '{ "mcpServers": {', /^it is not JSON \(line 1, column 18\)$/],
  ["an array", "[]", /^its content is not an object$/],
  ["a list of servers that is none", '{"mcpServers": []}', /^its member "mcpServers" is not an/],
  ["a member that is there twice", '{"mcpServers": {}, "mcpServers": {}}', /"mcpServers" twice$/],
  ["another program", '{"mcpServers": {"remote": {"command": "x"}}}', /"remote" is another pro/],
  [
    "several servers of this program without the usual name",
    '{"mcpServers": {"a": {"command": "mcp-remote-exec"}, "b": {"command": "mcp-remote-exec"}}}',
    /several servers of this program: a, b$/,
  ],
];

for (const [what, text, message] of REFUSED) {
  pure(`editServers() refuses ${what}`, () => {
    assert.throws(() => editServers(text, wanted), { code: "configuration", message });
  });
}
