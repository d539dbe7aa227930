import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { runTrust } from "../../../src/cli/trust/trust.ts";
import type { SshConfig } from "../../../src/config/config.ts";
import type { OfferedKey } from "../../../src/ssh/host_keys_port.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const key = (name: string, standing: OfferedKey["standing"] = "new"): OfferedKey => ({
  ...{ keyType: name, standing, base64: btoa(name), fingerprint: fingerprintOf(name) },
  lines: standing === "known"
    ? [{ keyType: name, fingerprint: "SHA256:x", place: "f:1", file: "f" }]
    : [],
});

const fingerprintOf = (name: string) =>
  `SHA256:${createHash("sha256").update(name).digest("base64").replace(/=+$/, "")}`;
const [A, B] = ["a", "b"].map((name) => `h ${name} ${btoa(name)}\n`);

/** Runs `trust` for one host. Returns the exit code, what was printed, and the new file. */
async function trust(keys: readonly OfferedKey[], answer: string | undefined) {
  using place = temporaryDirectory();
  const path = `${place.path}/known_hosts`;
  const ssh: SshConfig = {
    ...{ host: "h", port: 22, username: "u", login: { kind: "password", password: "" } },
    ...{ knownHostsPaths: ["/dev/null", path], strictHostKeyChecking: true },
  };
  let printed = "";
  const print = (text: string) => void (printed += text);
  const code = await runTrust({
    ...{ ssh, expected: [] },
    port: { offeredKeys: () => Promise.resolve({ name: "h", keys }) },
    terminal: {
      ...{ isInteractive: answer !== undefined, print, printError: print },
      ask: (question) => (print(question), answer ?? ""),
    },
  });
  try {
    return { code, printed, file: Deno.readTextFileSync(path) };
  } catch {
    return { code, printed, file: undefined };
  }
}

Deno.test("runTrust() adds all new keys after yes", async () => {
  const { code, file } = await trust([key("a"), key("b"), key("c", "known")], "yes");
  assert.deepEqual([code, file], [0, `${A}${B}`]);
});

Deno.test("runTrust() adds the key whose fingerprint was typed", async () => {
  const { code, file } = await trust([key("a"), key("b")], fingerprintOf("b"));
  assert.deepEqual([code, file], [0, B]);
});

for (const answer of ["no", "", "y", "SHA256:none"]) {
  Deno.test(`runTrust() adds nothing after "${answer}"`, async () => {
    const { code, file, printed } = await trust([key("a")], answer);
    assert.deepEqual([code, file], [1, undefined]);
    assert.match(printed, /nothing was added\.\n$/i);
  });
}

Deno.test("runTrust() is content with a host that has a known key, whatever the answer", async () => {
  assert.equal((await trust([key("a"), key("b", "known")], "no")).code, 0);
});

Deno.test("runTrust() asks nothing where all keys are known", async () => {
  const { code, printed } = await trust([key("a", "known")], undefined);
  assert.equal(code, 0);
  assert.match(
    printed,
    /^h:22\n {2}a +SHA256:\S{43} {2}known \(f:1\)\nKnown: nothing was added\.\n$/,
  );
});

const FORGED: readonly (readonly [string, Partial<OfferedKey>])[] = [
  ["another fingerprint", { fingerprint: fingerprintOf("b") }],
  ["a line of its own", { base64: `${btoa("a")}\n* ssh-rsa AAAA` }],
  ["a type with a blank", { keyType: "a b" }],
];

for (const [what, forged] of FORGED) {
  Deno.test(`runTrust() writes nothing of a worker that answers ${what}`, async () => {
    await assert.rejects(trust([{ ...key("a"), ...forged }], "yes"), { code: "internal" });
  });
}
