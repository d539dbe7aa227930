import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fc from "../../../support/property.ts";
import { fingerprint } from "../../../../src/ssh/worker/trust/host_keys.ts";
import {
  entriesFor,
  isKnownKeyType,
  type KnownHostEntry,
  knownHostsLine,
  knownHostsName,
  parseKnownHosts,
} from "../../../../src/ssh/worker/trust/known_hosts.ts";
import { peerTest, SSH_KEYGEN } from "../../../peers/require.ts";

interface Found {
  readonly line: number;
  readonly kind: KnownHostEntry["kind"];
  readonly print: string;
}

keygenTest("entriesFor() finds the lines that ssh-keygen -F finds", async (folder) => {
  const keys = await makeKeys(folder);
  let hits = 0;
  const property = fc.asyncProperty(
    fc.array(arbitraryLine(keys), { minLength: 1, maxLength: 12 }),
    fc.array(arbitraryName, { minLength: 1, maxLength: 5 }),
    async (lines, names) => {
      const text = lines.join("");
      await Deno.writeTextFile(`${folder}/known_hosts`, text);
      for (const name of names) {
        const found = await foundByPeer(folder, name);
        assert.deepEqual(foundByUs(text, name), found, name);
        hits += found.length;
      }
    },
  );
  await fc.assert(property, { numRuns: 80 });
  assert.ok(hits > 5, `the generated files hold too few matches to judge by: ${hits}`);
});

keygenTest("entriesFor() finds what ssh-keygen -H has hashed", async (folder) => {
  const [key = ""] = await makeKeys(folder);
  const hosts = ["Alpha", "[Beta]:2222", "10.0.0.7", "fe80::1", "one,two"];
  const file = `${folder}/known_hosts`;
  await Deno.writeTextFile(file, hosts.map((host) => `${host} ${key}\n`).join(""));
  await keygen("-H", "-f", file);
  const text = await Deno.readTextFile(file);
  assert.ok(text.startsWith("|1|"));
  for (
    const [host, port] of [["alpha", 22], ["BETA", 2222], ["10.0.0.7", 22], ["fe80::1", 22], [
      "two",
      22,
    ]] as const
  ) {
    const name = knownHostsName(host, port);
    const found = foundByUs(text, name);
    assert.equal(found.length, 1, name);
    assert.deepEqual(found, await foundByPeer(folder, name), name);
  }
});

keygenTest("knownHostsLine() and fingerprint() are understood by ssh-keygen", async (folder) => {
  for (const key of await makeKeys(folder)) {
    const blob = new Uint8Array(Buffer.from(key.split(" ")[1] ?? "", "base64"));
    await Deno.writeTextFile(`${folder}/known_hosts`, knownHostsLine("Srv", 2222, blob) + "\n");
    assert.deepEqual(await foundByPeer(folder, "[srv]:2222"), [
      { line: 1, kind: "key", print: fingerprint(blob) },
    ]);
  }
});

function keygenTest(name: string, fn: (folder: string) => Promise<void>) {
  peerTest({
    name,
    peer: SSH_KEYGEN,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "known_hosts_" });
      try {
        await fn(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** Exit code 1 is "nothing found" for -F. */
async function keygen(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("ssh-keygen", { args }).output();
  assert.ok(code === 0 || args[0] === "-l", new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** One key a type, and a second one of the first: `type base64`. */
async function makeKeys(folder: string): Promise<string[]> {
  const types = ["ed25519", "ecdsa", "rsa", "ed25519"];
  return await Promise.all(types.map(async (type, index) => {
    const file = `${folder}/key${index}`;
    const bits = type === "rsa" ? ["-b", "1024"] : [];
    await keygen("-q", "-t", type, ...bits, "-N", "", "-f", file);
    return (await Deno.readTextFile(`${file}.pub`)).split(" ").slice(0, 2).join(" ");
  }));
}

const foundByUs = (text: string, name: string): Found[] =>
  entriesFor(parseKnownHosts(text, "known_hosts").entries, name)
    // ssh-keygen treats such a line as invalid; here it is kept but never makes a host known.
    .filter(({ keyType }) => isKnownKeyType(keyType))
    .map(({ line, kind, key }) => ({ line, kind, print: fingerprint(key) }));

/** With -l the key is parsed too, as ssh does; without it, broken keys are also listed. */
async function foundByPeer(folder: string, name: string): Promise<Found[]> {
  const output = await keygen("-l", "-F", name, "-f", `${folder}/known_hosts`);
  const hits = output.matchAll(/^# Host .* found: line (\d+) (\w*)\n.*(SHA256:\S+)/gm);
  return [...hits].map(([, line, mark, print = ""]) => ({
    line: Number(line),
    kind: mark === "REVOKED" ? "revoked" : mark === "CA" ? "authority" : "key",
    print,
  }));
}

const arbitraryName = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "ab",
      "a.b",
      "[ab]:22",
      "[a.b]:2222",
      "::1",
      "[::1]:2222",
      "10.0.0.1",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom("a", "b", ".", "1"), minLength: 1, maxLength: 4 }),
  },
);

const arbitraryPattern = fc.oneof(
  { weight: 4, arbitrary: arbitraryName },
  arbitraryName.map((name) => `!${name}`),
  arbitraryName.map((name) => name.toUpperCase()),
  fc.constantFrom("*", "*.*", "[*]:22??", "a?", "!*1", "[ab]", "\\*"),
  fc.string({ unit: fc.constantFrom("a", "B", ".", "*", "?", "!", "[", "]"), maxLength: 5 }),
);

const arbitraryHosts = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(arbitraryPattern, { maxLength: 3 }).map((all) => all.join(",")),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.oneof(arbitraryName, arbitraryPattern), fc.integer())
      .map(([name, seed]) => hashedName(name, seed)),
  },
  { weight: 1, arbitrary: fc.constantFrom("|1|abc|def", "|2|a|b", "|1|", "|", "|1|a,ab") },
);

function hashedName(name: string, seed: number): string {
  const salt = createHmac("sha1", "salt").update(String(seed)).digest();
  const hash = createHmac("sha1", salt).update(name).digest("base64");
  return `|1|${salt.toString("base64")}|${hash}`;
}

function arbitraryKey(keys: readonly string[]): fc.Arbitrary<string> {
  const good = fc.constantFrom(...keys);
  const [first = "", second = ""] = keys;
  const base64 = first.split(" ")[1] ?? "";
  const unknown = Buffer.from("\0\0\0\x07ssh-new\0\0\0\x01x").toString("base64");
  return fc.oneof(
    { weight: 6, arbitrary: good },
    {
      weight: 1,
      arbitrary: fc.tuple(good, fc.integer({ min: 1, max: 60 }))
        .map(([key, cut]) => key.slice(0, -cut)),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        "",
        "ssh-ed25519",
        "# ssh-ed25519",
        `ssh-ed25519 # ${base64}`,
        `ssh-rsa ${base64}`,
        `ED25519 ${base64}`,
        `ssh-new ${unknown}`,
        `${second}AAAA`,
        `${second}=`,
        `1024 65537 ${base64}`,
      ),
    },
  );
}

/** Each line uses one kind of whitespace, because OpenSSH reads a marker up to the first space. */
function arbitraryLine(keys: readonly string[]): fc.Arbitrary<string> {
  const entry = fc.tuple(
    fc.constantFrom("", "", "", "@revoked", "@cert-authority", "@bogus", "@revoked @revoked"),
    arbitraryHosts,
    arbitraryKey(keys),
    fc.constantFrom("", "me@there", "#"),
    fc.constantFrom(" ", "\t", "  "),
    fc.constantFrom("", "", " ", "\t "),
    fc.constantFrom("\n", "\n", "\r\n"),
  ).map(([mark, hosts, key, comment, blank, indent, end]) => {
    const words = [mark, hosts, key, comment].filter((word) => word !== "").join(" ");
    return indent + words.replaceAll(" ", blank) + end;
  });
  const filler = fc.constantFrom("\n", "\r\n", "# ab ssh-ed25519\n", "   \n");
  return fc.oneof({ weight: 6, arbitrary: entry }, { weight: 1, arbitrary: filler });
}
