import assert from "node:assert/strict";
import type { KeysLogin } from "../../src/config/config.ts";
import { run } from "./account.ts";
import { failureOf, openSession } from "./openssh.ts";
import { peerTest, SSHD } from "./require.ts";
import { type Sshd, startSshd } from "./sshd.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const KINDS = {
  ed25519: ["-t", "ed25519"],
  ecdsa256: ["-t", "ecdsa", "-b", "256"],
  ecdsa384: ["-t", "ecdsa", "-b", "384"],
  ecdsa521: ["-t", "ecdsa", "-b", "521"],
  rsa: ["-t", "rsa", "-b", "2048"],
} as const;

const keygen = (...args: readonly string[]) => run("/usr/bin/ssh-keygen", ["-q", ...args]);

/** Returns a login with one key and its certificate. */
const loginWith = (key: string, passphrase?: string): KeysLogin => ({
  ...{ kind: "keys", socket: undefined, onlyThese: false, passphrase },
  keys: [{ path: key, publicPath: `${key}.pub` }],
  certificates: [{ path: `${key}-cert.pub` }],
});

async function answer(sshd: Sshd, login: KeysLogin): Promise<string> {
  await using session = await openSession(sshd, { ssh: { login } });
  return (await session.read("id -un")).trim();
}

peerTest({
  peer: SSHD,
  name:
    "login presents the certificate of a key, for every type of key, and says why one is not used",
  async fn() {
    using place = temporaryDirectory();
    const ca = `${place.path}/ca`;
    await keygen("-t", "ed25519", "-N", "", "-f", ca);
    await using sshd = await startSshd({ config: [`TrustedUserCAKeys ${ca}.pub`] });
    const make = async (name: string, options: readonly string[], ...more: readonly string[]) => {
      const key = `${place.path}/${name}`;
      await keygen(...options, "-f", key);
      await keygen("-s", ca, "-I", "a person", "-n", sshd.username, ...more, `${key}.pub`);
      return key;
    };
    for (const [kind, options] of Object.entries(KINDS)) {
      for (const passphrase of ["", "correct horse"]) {
        const key = await make(`${kind}${passphrase.length}`, [...options, "-N", passphrase]);
        const login = loginWith(key, passphrase === "" ? undefined : passphrase);
        const found = await answer(sshd, login).catch((error) => error.message);
        assert.deepEqual([kind, found], [kind, sshd.username]);
        if (passphrase !== "") continue;
        const without = { ...login, certificates: [] };
        await using session = await openSession(sshd, { ssh: { login: without } });
        assert.equal((await failureOf(session.exec("true"))).code, "authentication_failed");
      }
    }
    const refused: readonly (readonly [string, RegExp, readonly string[]])[] = [
      ["old", /not tried: \S+old-cert\.pub has expired\)?/, ["-V", "20200101:20200102"]],
      ["new", /not tried: \S+new-cert\.pub is not valid yet/, ["-V", "20990101:20990102"]],
      ["host", /not tried: \S+host-cert\.pub is not a user certificate/, ["-h"]],
    ];
    for (const [name, message, more] of refused) {
      const key = await make(name, ["-t", "ed25519", "-N", ""], ...more);
      await using session = await openSession(sshd, { ssh: { login: loginWith(key) } });
      const failure = await failureOf(session.exec("true"));
      assert.equal(failure.code, "authentication_failed");
      assert.match(failure.message, message);
    }
  },
});
