// @process: it changes the environment of this process.
import assert from "node:assert/strict";
import { readEnvironment } from "../../src/cli/environment.ts";
import {
  environmentNames,
  SYSTEM_VARIABLES,
} from "../../src/config/variables/environment_names.ts";
import { RemoteExecError } from "../../src/errors.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

/** Reads a file as if only the given variables were set in this process. */
function readAlone(path: string, given: Readonly<Record<string, string>> = {}) {
  const set = environmentNames().map((name) => [name, Deno.env.get(name)] as const);
  for (const [name] of set) Deno.env.delete(name);
  for (const [name, value] of Object.entries(given)) Deno.env.set(name, value);
  try {
    return readEnvironment(path).env;
  } finally {
    for (const name of Object.keys(given)) Deno.env.delete(name);
    for (const [name, value] of set) if (value !== undefined) Deno.env.set(name, value);
  }
}

Deno.test("readEnvironment() reads the given file, with quotes, blanks and comments", () => {
  using place = temporaryDirectory();
  const path = `${place.path}/settings.env`;
  Deno.writeTextFileSync(
    path,
    [
      "# a comment",
      "HOST=server.example",
      'SSH_PASSWORD="with # and blank "',
      "export SSH_USERNAME='deploy'",
      "SSH_KEY=C:\\Users\\new\\id",
      "",
    ].join("\r\n"),
  );
  const env = readAlone(path);
  assert.equal(env.HOST, "server.example");
  assert.equal(env.SSH_PASSWORD, "with # and blank ");
  assert.equal(env.SSH_USERNAME, "deploy");
  assert.equal(env.SSH_KEY, "C:\\Users\\new\\id");
});

Deno.test("readEnvironment() takes # for a comment only after a blank", () => {
  using place = temporaryDirectory();
  const path = `${place.path}/settings.env`;
  for (
    const [written, read] of [
      ["p@ss#word", "p@ss#word"],
      ["#first", "#first"],
      ["a#b #c", "a#b"],
      ["a#b\t# comment", "a#b"],
      ["secret # comment", "secret"],
      ["# comment", ""],
      ["#", ""],
      ["a##", "a##"],
      ["p\"a#b'`", "p\"a#b'`"],
      ["'a #b'", "a #b"],
      ['"a#b" # comment', "a#b"],
      ["old#1\nSSH_PASSWORD=new#2", "new#2"],
      ["old#1\nSSH_PASSWORD=new", "new"],
      ["'two\nSSH_PASSWORD=lines#1\n'", "two\nSSH_PASSWORD=lines#1\n"],
    ] as const
  ) {
    for (const [line, end] of [["SSH_PASSWORD=", "\n"], ["  export SSH_PASSWORD = ", ""]]) {
      Deno.writeTextFileSync(path, `HOST=h\n${line}${written}${end}`);
      assert.equal(readAlone(path).SSH_PASSWORD, read, `${line}${written}`);
    }
  }
  Deno.writeTextFileSync(path, "SSH_PASSWORD=a#b\r\nHOST=h\r\n");
  assert.deepEqual([readAlone(path).SSH_PASSWORD, readAlone(path).HOST], ["a#b", "h"]);
});

Deno.test("readEnvironment() names a file that cannot be read", () => {
  using place = temporaryDirectory();
  assert.throws(
    () => readEnvironment(`${place.path}/none`),
    (error) =>
      error instanceof RemoteExecError && error.code === "configuration" &&
      error.message === `Cannot read the environment file: ${place.path}/none`,
  );
});

Deno.test("readEnvironment() returns only the variables of the table", () => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/env`, "HOST=h\nLD_PRELOAD=x\nOTHER=y\n");
  const env = readAlone(`${place.path}/env`);
  assert.equal(env.HOST, "h");
  assert.equal("LD_PRELOAD" in env, false);
  assert.equal("OTHER" in env, false);
});

Deno.test("readEnvironment() takes the variables of the system only from the environment", () => {
  using place = temporaryDirectory();
  const path = `${place.path}/env`;
  Deno.writeTextFileSync(path, SYSTEM_VARIABLES.map((name) => `${name}=/stranger\n`).join(""));
  const env = readAlone(path, { HOME: "/home/me" });
  assert.deepEqual(Object.values(env).filter((value) => value !== undefined), ["/home/me"]);
});

Deno.test("readEnvironment() takes no variable from the file that the environment sets by its older name", () => {
  using place = temporaryDirectory();
  const path = `${place.path}/env`;
  Deno.writeTextFileSync(path, "R2_BUCKET=stranger\nR2_REGION=eu\nSSH_PORT=23\nTIMEOUT=9\n");
  const given = { ETPHONEHOME_R2_BUCKET: "mine", SSH_PORT: "22", TIMEOUT: "${user_config.t}" };
  const env = readAlone(path, given);
  assert.deepEqual([env.R2_BUCKET, env.ETPHONEHOME_R2_BUCKET], [undefined, "mine"]);
  assert.deepEqual([env.R2_REGION, env.SSH_PORT, env.TIMEOUT], ["eu", "22", "9"]);
});

Deno.test("readEnvironment() lists no name that may be part of a key", () => {
  using place = temporaryDirectory();
  const path = `${place.path}/env`;
  Deno.writeTextFileSync(path, "SSH_KEY=-----BEGIN\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUA=\nOTHER=1\n");
  const { remarks } = readEnvironment(path).origin;
  assert.match(JSON.stringify(remarks), /not read: OTHER"/);
  assert.doesNotMatch(JSON.stringify(remarks), /b3Bl/);
});

Deno.test("readEnvironment() has the variables for single hosts, the file's only where the process sets none", () => {
  using place = temporaryDirectory();
  const path = `${place.path}/settings.env`;
  Deno.writeTextFileSync(path, "SSH_PASSWORD_A=file a\nSSH_PASSWORD_B=file b\nOTHER=x\n");
  Deno.env.set("SSH_PASSWORD_A", "process a");
  try {
    const { env, origin } = readEnvironment(path);
    assert.deepEqual([env.SSH_PASSWORD_A, env.SSH_PASSWORD_B, env.SSH_PASSWORD_C, env.OTHER], [
      ...["process a", "file b", undefined, undefined],
    ]);
    assert.ok(!origin.remarks.some(({ message }) => message.includes("SSH_PASSWORD_")));
  } finally {
    Deno.env.delete("SSH_PASSWORD_A");
  }
});
