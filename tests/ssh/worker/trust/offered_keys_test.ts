import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { createLogger } from "../../../../src/log.ts";
import { offeredKeys } from "../../../../src/ssh/worker/trust/offered_keys.ts";
import { privateKeyOf } from "../../../fakes/ssh_host_keys.ts";
import { temporaryDirectory } from "../../../support/temporary_directory.ts";

Deno.test("offeredKeys() returns the keys that the host proves to have", async () => {
  const [ed25519, rsa] = [keyOf("ed25519"), keyOf("rsa")];
  await using host = await startHost([ed25519, rsa]);
  const { keys } = await host.offered(knownLine(ed25519));
  assert.deepEqual(
    keys.map(({ keyType, base64, standing }) => [keyType, base64, standing]),
    [["ssh-ed25519", base64Of(ed25519), "known"], ["ssh-rsa", base64Of(rsa), "new"]],
  );
  assert.equal(host.logins(), 0);
});

Deno.test("offeredKeys() refuses a host that shows a key of somebody else", async () => {
  const [theirs, stolen] = [keyOf("ed25519"), keyOf("ed25519")];
  // The public half is known to everybody; the signature is made with another key.
  stolen.getPublicSSH = () => theirs.getPublicSSH();
  await using host = await startHost([stolen, keyOf("rsa")]);
  await assert.rejects(host.offered(knownLine(theirs)), {
    code: "unreachable",
    message: /signature verification failed/,
  });
});

function keyOf(type: "ed25519" | "rsa"): ssh2.ParsedKey {
  const key = ssh2.utils.parseKey(privateKeyOf(type));
  if (key instanceof Error) throw key;
  return key;
}

const base64Of = (key: ssh2.ParsedKey): string => key.getPublicSSH().toString("base64");

const knownLine = (key: ssh2.ParsedKey) => (name: string) =>
  `${name} ${key.type} ${base64Of(key)}\n`;

/** Starts an SSH server with these keys, which may sign with another half than they show. */
async function startHost(keys: readonly ssh2.ParsedKey[]) {
  let logins = 0;
  // The types of ssh2 lack parsed keys, which it accepts.
  const hostKeys = keys.map((key) => ({ key: key as unknown as string, passphrase: "" }));
  const server = new ssh2.Server({ hostKeys }, (connection) => {
    connection.on("authentication", (context) => {
      logins++;
      context.reject();
    });
    // The client leaves without a word.
    connection.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    logins: () => logins,
    async offered(known: (name: string) => string) {
      using place = temporaryDirectory();
      const path = `${place.path}/known_hosts`;
      Deno.writeTextFileSync(path, known(`[127.0.0.1]:${port}`));
      const ssh = {
        ...{ host: "127.0.0.1", port, username: "nobody", knownHostsPaths: [path] },
        ...{ login: { kind: "password", password: "none" }, strictHostKeyChecking: true } as const,
      };
      return await offeredKeys(ssh, 0, 30_000, createLogger("error", []));
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
