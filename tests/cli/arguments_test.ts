import assert from "node:assert/strict";
import { parseArguments, type Task } from "../../src/cli/arguments.ts";
import { pure } from "../support/pure.ts";

const envFile = undefined;
const INSTALL: Task = {
  kind: "install",
  ...{ hosts: [], clients: [], name: undefined, variables: [], envFile },
  ...{ acceptsRisks: false, printsOnly: false },
};
const CASES: readonly (readonly [string, Task])[] = [
  ["", { kind: "serve", envFile }],
  ["doctor", { kind: "doctor", envFile, asJson: false }],
  ["permissions", { kind: "permissions", envFile }],
  ["--help", { kind: "help" }],
  ["-h", { kind: "help" }],
  ["--version", { kind: "version" }],
  ["-v", { kind: "version" }],
  ["--env-file a/.env", { kind: "serve", envFile: "a/.env" }],
  ["--env-file=a/.env", { kind: "serve", envFile: "a/.env" }],
  ["doctor --env-file x", { kind: "doctor", envFile: "x", asJson: false }],
  ["--env-file x doctor", { kind: "doctor", envFile: "x", asJson: false }],
  ["doctor --help", { kind: "help", topic: "doctor" }],
  ["-vh", { kind: "help" }],
  ["--nonsense --version", { kind: "version" }],
  ["--env-file a --env-file b", { kind: "serve", envFile: "b" }],
  ["--env-file=-x", { kind: "serve", envFile: "-x" }],
  ["--env-file=a=b", { kind: "serve", envFile: "a=b" }],
  ["-- doctor", { kind: "doctor", envFile, asJson: false }],
  ["help", { kind: "help" }],
  ["help doctor", { kind: "help", topic: "doctor" }],
  ["help variables", { kind: "help", topic: "variables" }],
  ["help check", { kind: "help", topic: "doctor" }],
  ["serve", { kind: "serve", envFile }],
  ["start --env-file x", { kind: "serve", envFile: "x" }],
  ["check", { kind: "doctor", envFile, asJson: false }],
  ["version --env-file x", { kind: "version" }],
  ["trust h:2222", { kind: "trust", host: "h:2222", expected: [], envFile }],
  ["trust h -y a --yes b", { kind: "trust", host: "h", expected: ["a", "b"], envFile }],
  ["doctor --json", { kind: "doctor", envFile, asJson: true }],
  ["completions zsh", { kind: "completions", shell: "zsh" }],
  ["completions pwsh", { kind: "completions", shell: "powershell" }],
  ["install", INSTALL],
  ["setup", INSTALL],
  ["install web1 web2", { ...INSTALL, hosts: ["web1", "web2"] }],
  ["install -c zed --client cursor", { ...INSTALL, clients: ["zed", "cursor"] }],
  ["install --print --name db", { ...INSTALL, printsOnly: true, name: "db" }],
  ["install --dry-run", { ...INSTALL, printsOnly: true }],
  ["install -e A=1 --env=B=2", { ...INSTALL, variables: ["A=1", "B=2"] }],
  ["--accept-risks install --env-file x", { ...INSTALL, acceptsRisks: true, envFile: "x" }],
  ["-?", { kind: "help" }],
  ["version", { kind: "version" }],
  ["-V", { kind: "version" }],
];

for (const [line, task] of CASES) {
  pure(`parseArguments() reads "${line}"`, () => {
    assert.deepEqual(parseArguments(line.split(" ").filter((word) => word !== "")), task);
  });
}

const MISTAKES: readonly (readonly [string, RegExp])[] = [
  ["--verbose", /^unknown option "--verbose"\n/],
  ["serv", /^unknown command "serv"; did you mean serve\?\n/],
  ["sevr", /^unknown command "sevr"\n/],
  ["instal", /^unknown command "instal"; did you mean install\?\n/],
  ["help doctr", /^no help on "doctr"; did you mean doctor\?\n/],
  ["help me now", /^unexpected argument "now"\n/],
  ["--clinet zed", /^unknown option "--clinet"; did you mean --client\?\n/],
  ["doctor --client zed", /^--client is an option of install, not of doctor\n/],
  ["--print", /^--print is an option of install, not of serve\n/],
  ["trust", /^trust needs HOST\[:PORT\]\n/],
  ["completions", /^completions needs SHELL\n/],
  ["completions bsh", /^no completions for "bsh"; did you mean bash\?\n/],
  ["trust a b", /^unexpected argument "b"\n/],
  ["trust h --yes", /^--yes needs a fingerprint: SHA256:\.\.\.\n/],
  ["install --client", /^--client needs a client\n/],
  ["install --env", /^--env needs a variable: NAME=VALUE\n/],
  ["doctor now", /^unexpected argument "now"\n/],
  ["--env-file", /^--env-file needs a path\n/],
  ["--env-file=", /^--env-file needs a path\n/],
  ["--env-file --nonsense", /^--env-file needs a path\n/],
  ["-x", /^unknown option "-x"\n/],
  ["--verbose=1 doctor now", /^unknown option "--verbose"\n/],
  ["doctr", /^unknown command "doctr"; did you mean doctor\?\n/],
  ["Doctor", /^unknown command "Doctor"; did you mean doctor\?\n/],
  ["permission", /^unknown command "permission"; did you mean permissions\?\n/],
  ["--hlep", /^unknown option "--hlep"; did you mean --help\?\n/],
  ["--doctor", /^unknown option "--doctor"; did you mean doctor\?\n/],
  ["--envfile x", /^unknown option "--envfile"; did you mean --env-file\?\n/],
  ["root:S3CRETpw@1.2.3.4", /^unknown command a value that is not shown\n/],
  ["doctor root:S3CRETpw@h", /^unexpected argument a value that is not shown\n/],
];

for (const [line, expected] of MISTAKES) {
  pure(`parseArguments() refuses "${line}" and points to --help`, () => {
    const task = parseArguments(line.split(" "));
    assert.equal(task.kind, "mistake");
    const message = task.kind === "mistake" ? task.message : "";
    assert.match(message, expected);
    assert.match(message, /-> Run mcp-remote-exec --help$/);
  });
}
