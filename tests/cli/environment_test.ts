import assert from "node:assert/strict";
import { readEnvironment } from "../../src/cli/environment.ts";
import { environmentNames } from "../../src/config/environment_names.ts";
import { RemoteExecError } from "../../src/errors.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

/** Reads a file as if no variable were set in this process. */
function readAlone(path: string) {
  const set = environmentNames().map((name) => [name, Deno.env.get(name)] as const);
  for (const [name] of set) Deno.env.delete(name);
  try {
    return readEnvironment(path).env;
  } finally {
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
