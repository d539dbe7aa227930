import assert from "node:assert/strict";
import { givenVariables, hostVariables } from "../../../src/cli/install/variables.ts";
import { pure } from "../../support/pure.ts";

const HOSTS: readonly (readonly [readonly string[], Record<string, string>])[] = [
  [[], {}],
  [["web1"], { HOST: "web1" }],
  [["bob@10.0.0.1:2222"], { HOST: "10.0.0.1", SSH_USERNAME: "bob", SSH_PORT: "2222" }],
  [["[2001:db8::1]:22"], { HOST: "2001:db8::1", SSH_PORT: "22" }],
  [["2001:db8::1"], { HOST: "2001:db8::1" }],
  [["web1", "db", "web1"], { HOSTS: "web1,db" }],
];

for (const [words, variables] of HOSTS) {
  pure(`hostVariables() of [${words.join(" ")}]`, () => {
    assert.deepEqual(hostVariables(words), variables);
  });
}

for (const words of [["bob:S3CRETpw@h"], ["h:0"], ["h:99999"], ["a b"], ["h", "bob@i"], ["-x"]]) {
  pure(`hostVariables() refuses [${words.join(" ")}] and shows no password`, () => {
    assert.throws(() => hostVariables(words), (error) => !String(error).includes("S3CRET"));
  });
}

pure("givenVariables() takes the last value of each, also with = in it", () => {
  const given = givenVariables([
    "TOOLS=ssh",
    "TOOLS=links",
    "SSH_PASSWORD=a=b",
    "SSH_PASSWORD_X=c",
  ]);
  assert.deepEqual(given, { TOOLS: "links", SSH_PASSWORD: "a=b", SSH_PASSWORD_X: "c" });
});

for (
  const [word, message] of [
    ["SSH_USER=bob", /^unknown variable "SSH_USER"; did you mean SSH_USERNAME\?$/],
    ["TIMEUOT=1", /; did you mean TIMEOUT\?$/],
    ["NONSENSE=1", /^unknown variable "NONSENSE"$/],
    ["HOST", /^--env takes NAME=VALUE: got "HOST"$/],
  ] as const
) {
  pure(`givenVariables() refuses ${word}`, () => {
    assert.throws(() => givenVariables([word]), { code: "configuration", message });
  });
}
