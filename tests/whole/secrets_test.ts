import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { startPlace } from "../support/places.ts";
import { runProgram } from "../support/program.ts";
import { connectServer } from "../support/server.ts";

const SECRETS = {
  SSH_PASSWORD: "pass-2b7e151628aed2a6",
  SSH_KEY_PASSPHRASE: "phrase-abf7158809cf4f3c",
  IMAGEKIT_PRIVATE_KEY: "private_3ad77bb40d7a3660",
  R2_SECRET_KEY: "r2-a89ecaf32466ef97",
  SUDO_PASSWORD: "sudo-0f1e2d3c4b5a6978",
  DOWNLOAD_API_KEY: "api-f5d3d58503b9699d",
} as const;

/** The variables, other than those of the host, that make the server use every secret. */
const BRIDGES = {
  ENABLE_IMAGEKIT: "true",
  IMAGEKIT_PUBLIC_KEY: "public_x",
  IMAGEKIT_URL_ENDPOINT: "https://127.0.0.1:1/me",
  IMAGEKIT_API_URL: "https://127.0.0.1:1",
  IMAGEKIT_UPLOAD_URL: "https://127.0.0.1:1",
  R2_ACCESS_KEY: "access",
  R2_BUCKET: "bucket",
  R2_ENDPOINT: "http://127.0.0.1:1",
  LOG_LEVEL: "debug",
} as const;

function assertClean(where: string, text: string): void {
  for (const [name, secret] of Object.entries(SECRETS)) {
    assert.equal(text.includes(secret), false, `${name} appears in ${where}`);
  }
}

Deno.test("no secret reaches an answer, a log line or the audit log", async () => {
  await using place = await startPlace({
    users: [{ name: "operator", password: SECRETS.SSH_PASSWORD }],
  });
  const audit = `${place.home}/audit.jsonl`;
  const env = { ...place.env, ...BRIDGES, ...SECRETS, AUDIT_LOG: audit };
  await using server = await connectServer({ env, cwd: place.directory });
  const { tools } = await server.client.listTools();
  for (const { name } of tools) await server.call(name);
  const command = `: ${Object.values(SECRETS).join(" ")}`;
  await server.call("ssh_exec_command", { command: "echo fine" });
  await server.call("ssh_exec_command", { command: "sleep 9", timeout: 1 });
  await server.call("ssh_exec_command", { [SECRETS.SSH_PASSWORD]: "x", command: 1 });
  place.host.dropConnections();
  await server.call("ssh_exec_command", { command: "echo again" });
  await server.end();
  assertClean("stdout", withoutRefusals(server.server.stdoutLines));
  assertClean("stderr", server.server.stderr);
  // The call is logged with the secret redacted, even though the caller wrote it.
  await using second = await connectServer({ env, cwd: place.directory });
  await second.call("ssh_exec_command", { command });
  await second.end();
  const lines = Deno.readTextFileSync(audit);
  assertClean("the audit log", lines);
  assert.match(lines, /: \[redacted\] \[redacted\]/);
});

/** A refusal may repeat what the caller wrote. */
const withoutRefusals = (lines: readonly string[]): string =>
  lines.filter((line) => !line.includes("unknown argument")).join("\n");

Deno.test("no secret is shown when the login fails", async () => {
  await using place = await startPlace();
  const env = { ...place.env, SSH_PASSWORD: SECRETS.SSH_PASSWORD, LOG_LEVEL: "debug" };
  await using server = await connectServer({ env, cwd: place.directory });
  const { data, text } = await server.call("ssh_exec_command", { command: "true" });
  assert.equal(data.code, "authentication_failed");
  await server.end();
  assertClean("the answer", text + JSON.stringify(data));
  assertClean("stderr", server.server.stderr);
});

Deno.test("no passphrase and nothing of a key is shown when the key cannot be used", async () => {
  await using place = await startPlace();
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "prime256v1",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: {
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "another one",
    },
  });
  const path = `${place.home}/id`;
  Deno.writeTextFileSync(path, privateKey);
  const env = {
    ...place.env,
    SSH_KEY: path,
    SSH_KEY_PASSPHRASE: SECRETS.SSH_KEY_PASSPHRASE,
    LOG_LEVEL: "debug",
  };
  await using server = await connectServer({ env, cwd: place.directory });
  const { data, text } = await server.call("ssh_exec_command", { command: "true" });
  assert.equal(data.code, "private_key");
  await server.end();
  const all = text + JSON.stringify(data) + server.server.stderr;
  assertClean("the answer", all);
  const inside = privateKey.split("\n").slice(1, -2);
  assert.deepEqual(inside.filter((line) => all.includes(line)), []);
});

for (const command of ["permissions", "doctor"]) {
  Deno.test(`no secret is shown by ${command}`, async () => {
    await using place = await startPlace({
      users: [{ name: "operator", password: SECRETS.SSH_PASSWORD }],
    });
    const { stdout, stderr } = await runProgram([command], {
      cwd: place.directory,
      env: { ...place.env, ...BRIDGES, ...SECRETS },
    });
    assert.match(stdout, /worker ssh/);
    assertClean("stdout", stdout);
    assertClean("stderr", stderr);
  });
}
