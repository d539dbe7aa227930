import assert from "node:assert/strict";
import { relative } from "node:path";
import { type Place, startPlace } from "../support/places.ts";
import { PROJECT, projectFile } from "../support/project.ts";
import { runtimeEnvironment } from "../support/program.ts";
import { type Connected, connectServer } from "../support/server.ts";

/** What every tool with a local path answers for a path. */
async function answers(server: Connected, path: string): Promise<Record<string, unknown>> {
  const codes: Record<string, unknown> = {};
  for (
    const [tool, args] of [
      ["ssh_upload_file", { local_path: path, remote_path: "taken", overwrite: true }],
      ["ssh_download_file", { remote_path: "evil", local_path: path, overwrite: true }],
      ["generate_download_link", { path }],
    ] as const
  ) codes[tool] = (await server.call(tool, args)).data.code;
  return codes;
}

const REFUSED = {
  ssh_upload_file: "not_permitted",
  ssh_download_file: "not_permitted",
  generate_download_link: "not_permitted",
};
async function assertRefused(server: Connected, path: string): Promise<void> {
  assert.deepEqual(await answers(server, path), REFUSED, path);
}

/** Copies the program into the working directory, as a clone of it would be. */
function copyProgram(directory: string): string {
  const copy = `${directory}/clone`;
  Deno.mkdirSync(copy);
  const names = ["main.ts", "deno.json", "deno.lock", "src"];
  const args = ["-r", ...names.map(projectFile), copy];
  assert.equal(new Deno.Command("cp", { args }).outputSync().code, 0);
  return copy;
}

const evil = ({ host }: Place) => Deno.writeTextFileSync(`${host.directory}/evil`, "evil");

Deno.test("no tool and no link reads or writes the running program, under any name", async () => {
  await using place = await startPlace();
  evil(place);
  const copy = copyProgram(place.directory);
  Deno.symlinkSync(copy, `${place.directory}/folder`);
  Deno.symlinkSync("clone/main.ts", `${place.directory}/link`);
  Deno.linkSync(`${copy}/main.ts`, `${place.directory}/hard`);
  Deno.linkSync(`${copy}/src/version.ts`, `${place.directory}/hard.ts`);
  await using server = await connectServer({
    env: place.env,
    cwd: place.directory,
    entry: relative(PROJECT, `${copy}/main.ts`),
  });
  for (const path of ["main.ts", "deno.json", "deno.lock", "src/version.ts"]) {
    await assertRefused(server, `clone/${path}`);
  }
  // What does not exist yet may change what the next start runs, too.
  for (const path of ["package.json", ".env", "src/new.ts"]) {
    const args = { remote_path: "evil", local_path: `clone/${path}` };
    assert.equal((await server.call("ssh_download_file", args)).data.code, "not_permitted", path);
  }
  for (const path of ["folder/main.ts", "link", "hard", "hard.ts"]) {
    await assertRefused(server, path);
  }
  Deno.writeTextFileSync(`${place.directory}/other`, "content");
  const link = await server.call("generate_download_link", { path: "." });
  const archive = await (await fetch(String(link.data.download_url))).text();
  // The names in a zip archive are plain text.
  assert.ok(archive.includes("other"), link.text);
  assert.doesNotMatch(archive, /main\.ts|version\.ts|hard/);
  const before = Deno.readTextFileSync(projectFile("main.ts"));
  assert.equal(Deno.readTextFileSync(`${copy}/main.ts`), before);
});

Deno.test("no tool and no link reads or writes Deno and its cache", async () => {
  await using place = await startPlace();
  evil(place);
  const cache = runtimeEnvironment().DENO_DIR ?? "";
  const executable = Deno.execPath();
  const env = {
    ...place.env,
    WORKING_DIRECTORY: cache,
    ALLOWED_DIRECTORIES: executable.replace(/\/[^/]+$/, ""),
  };
  await using server = await connectServer({ env, cwd: place.directory, entry: "./main.ts" });
  await assertRefused(server, "v8_code_cache_v2");
  assert.match(server.server.stderr, /No tool can use \S+: it belongs to this program/);
  for (const tool of ["ssh_upload_file", "ssh_download_file"]) {
    const args = { remote_path: "evil", local_path: executable, overwrite: true };
    assert.equal((await server.call(tool, args)).data.code, "not_permitted");
  }
});

Deno.test("no tool and no link serves a hard link to the key or another file of the configuration", async () => {
  await using place = await startPlace();
  evil(place);
  const { home, directory } = place;
  const key = `${home}/.ssh/id`;
  const settings = `${home}/settings.env`;
  const audit = `${home}/audit.jsonl`;
  Deno.writeTextFileSync(key, "the private key", { mode: 0o600 });
  const variables = { ...place.env, SSH_KEY: key, AUDIT_LOG: audit };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  Deno.writeTextFileSync(settings, lines.join(""));
  Deno.linkSync(key, `${directory}/key`);
  Deno.linkSync(settings, `${directory}/settings`);
  Deno.linkSync(`${home}/.ssh/known_hosts`, `${directory}/known`);
  await using server = await connectServer({
    env: { HOME: home },
    cwd: directory,
    args: ["--env-file", settings],
  });
  Deno.linkSync(audit, `${directory}/audit`);
  for (const path of ["key", "settings", "known", "audit"]) {
    const link = await server.call("generate_download_link", { path });
    assert.equal(link.data.code, "not_permitted", path);
    const upload = { local_path: path, remote_path: "taken" };
    assert.equal((await server.call("ssh_upload_file", upload)).data.code, "not_permitted", path);
  }
  Deno.writeTextFileSync(`${directory}/other`, "content");
  Deno.linkSync(`${directory}/other`, `${directory}/twin`);
  const link = await server.call("generate_download_link", { path: "twin" });
  assert.equal(link.data.success, true, link.text);
});
