import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import {
  decideHostKey,
  fingerprint,
  type HostKeyDecision,
  type HostKeyQuery,
  preferredHostKeyTypes,
} from "../../../../src/ssh/worker/trust/host_keys.ts";
import {
  hostKeyError,
  type HostKeyRefusal,
  keyscanCommand,
} from "../../../../src/ssh/worker/trust/host_key_errors.ts";
import {
  entriesFor,
  keyTypeOf,
  knownHostsLine,
  knownHostsName,
  parseKnownHosts,
} from "../../../../src/ssh/worker/trust/known_hosts.ts";
import { pure } from "../../../support/pure.ts";

const FILE = "/home/me/.ssh/known_hosts";
const MAKE = "mkdir -p -m 700 /home/me/.ssh && ";
const ED_BASE64 = "AAAAC3NzaC1lZDI1NTE5AAAAIAl2bb5qM1m9QyBHHdEYa189/6eHVHg6I1ttPoxEnjVo";
const ED = `ssh-ed25519 ${ED_BASE64}`;
const ED_PRINT = "SHA256:4ngtxzWb5/SpXT5VfrDPorFN84jokHqNVvevcC3L2MM";
const OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKpyvUQnBpSkpOof+6s6CW9It5cnT2AmmW4d+zT9OJ5L";
const OTHER_PRINT = "SHA256:IpveOofgLkgA471NYJJ8xzbdU43hJ97Gpuq7dmJeqMs";
const ECDSA =
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHCgiigERO0DtFJ9/PaPbsED4zVOfw1yBNHOXKYMA2AFG2D6YYgYE74ewmttyZpqx+ZtipO49WUvShikQhpMEZM=";
// Not from a real key pair: only the format matters.
const RSA_KEY = wireKey("ssh-rsa", new Uint8Array([1, 0, 1]), new Uint8Array(129).fill(0xc1, 1));
const RSA = `ssh-rsa ${Buffer.from(RSA_KEY).toString("base64")}`;
const HASHED_HOST = "|1|YmawRxhV2z/DSWjYCq72X5wdaK0=|3aNRMVKNxAJouLgy0Z5jv6A+1lM=";

function wireKey(...fields: (string | Uint8Array)[]): Uint8Array {
  const parts = fields.map((field) => Buffer.from(field)).flatMap((field) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    return [length, field];
  });
  return new Uint8Array(Buffer.concat(parts));
}

const keyOf = (typeAndBase64: string): Uint8Array =>
  new Uint8Array(Buffer.from(typeAndBase64.split(" ")[1] ?? "", "base64"));

const entriesOf = (...lines: string[]) => parseKnownHosts(lines.join("\n"), FILE).entries;

const linesFor = (text: string, name: string): number[] =>
  entriesFor(parseKnownHosts(text, FILE).entries, name).map(({ line }) => line);

function decide(lines: string[], change: Partial<HostKeyQuery> = {}): HostKeyDecision {
  return decideHostKey({
    host: "h",
    port: 22,
    key: keyOf(ED),
    entries: entriesOf(...lines),
    strict: true,
    ...change,
  });
}

function refusal(lines: string[], change: Partial<HostKeyQuery> = {}): HostKeyRefusal {
  const decision = decide(lines, change);
  assert.ok(decision.kind !== "known" && decision.kind !== "accepted-new", decision.kind);
  return decision;
}

pure("parseKnownHosts() keeps line numbers across comments, blank lines and CRLF", () => {
  const { entries, faults } = parseKnownHosts(`# c\r\n\r\n  h ${ED} me@x\r\ng\t${RSA}`, FILE);
  assert.deepEqual(
    entries.map(({ line, hosts, keyType, kind }) => ({ line, hosts, keyType, kind })),
    [
      { line: 3, hosts: "h", keyType: "ssh-ed25519", kind: "key" },
      { line: 4, hosts: "g", keyType: "ssh-rsa", kind: "key" },
    ],
  );
  assert.deepEqual(entries[0]?.key, keyOf(ED));
  assert.deepEqual(faults, []);
});

pure("parseKnownHosts() skips malformed lines and lists each", () => {
  const text = [
    "h",
    "h ssh-ed25519",
    "h ssh-ed25519 %%%%",
    `h ssh-rsa ${ED_BASE64}`,
    `h ssh-ed25519 ${ED_BASE64.slice(0, -4)}`,
    `h ssh-ed25519 ${ED_BASE64}AAAA`,
    `@bogus h ${ED}`,
    `@revoked @revoked h ${ED}`,
    `|1|abc|def ${ED}`,
    "h 1024 65537 123456789",
    `h ${ED}`,
  ];
  const { entries, faults } = parseKnownHosts(text.join("\n"), FILE);
  assert.deepEqual(entries.map(({ line }) => line), [11]);
  assert.deepEqual(faults.map(({ source, line, reason }) => `${source}:${line} ${reason}`), [
    `${FILE}:1 missing key`,
    `${FILE}:2 missing key`,
    `${FILE}:3 the key is not base64`,
    `${FILE}:4 the key has another type than the line says`,
    `${FILE}:5 the key is incomplete`,
    `${FILE}:6 the key is incomplete`,
    `${FILE}:7 unknown marker`,
    `${FILE}:8 more than one marker`,
    `${FILE}:9 malformed hashed name`,
    `${FILE}:10 the key is not base64`,
  ]);
});

pure("parseKnownHosts() reads a revocation whose marker is followed by a tab", () => {
  assert.deepEqual(entriesOf(`@revoked\th ${ED}`).map(({ kind }) => kind), ["revoked"]);
});

pure("entriesFor() supports wildcards, negation, lists and letter case", () => {
  const text = [
    `*.ex?mple.com,!bad.example.com ${ED}`,
    `Alpha,BETA ${ED}`,
    `192.168.*.1 ${ED}`,
    `[gw*]:22?? ${ED}`,
    `!only ${ED}`,
  ].join("\n");
  assert.deepEqual(linesFor(text, "a.b.example.com"), [1]);
  assert.deepEqual(linesFor(text, "bad.example.com"), []);
  assert.deepEqual(linesFor(text, knownHostsName("BeTa", 22)), [2]);
  assert.deepEqual(linesFor(text, "192.168.77.1"), [3]);
  assert.deepEqual(linesFor(text, knownHostsName("gw7", 2233)), [4]);
  assert.deepEqual(linesFor(text, "only"), []);
});

pure("entriesFor() matches a hashed name exactly, in any letter case of the host", () => {
  const text = `${HASHED_HOST} ${ED}`;
  assert.deepEqual(linesFor(text, knownHostsName("HostA", 22)), [1]);
  assert.deepEqual(linesFor(text, knownHostsName("hosta", 2222)), []);
  assert.deepEqual(linesFor(text, "host*"), []);
});

pure("entriesFor() is fast for a pattern of many stars", () => {
  const text = `${"*a".repeat(500)}b ${ED}`;
  assert.deepEqual(linesFor(text, "a".repeat(2000)), []);
});

pure("knownHostsName() adds brackets only on another port than 22", () => {
  assert.equal(knownHostsName("Srv", 22), "srv");
  assert.equal(knownHostsName("Srv", 2222), "[srv]:2222");
  assert.equal(knownHostsName("fe80::1%eth0", 22), "fe80::1%eth0");
  assert.equal(knownHostsName("::1", 2222), "[::1]:2222");
});

pure("fingerprint() and keyTypeOf() agree with ssh-keygen -l", () => {
  assert.equal(fingerprint(keyOf(ED)), ED_PRINT);
  assert.equal(fingerprint(keyOf(OTHER)), OTHER_PRINT);
  assert.equal(fingerprint(keyOf(ECDSA)), "SHA256:Yd3DD7+VngO9c3gOJvvyBDAl8Y3bUOYE25hGd49MWmk");
  assert.equal(keyTypeOf(keyOf(ECDSA)), "ecdsa-sha2-nistp256");
  assert.equal(keyTypeOf(new Uint8Array([0, 0, 0, 9, 65])), "unknown");
});

pure("knownHostsLine() makes the next decision known", () => {
  const line = knownHostsLine("Srv", 2222, keyOf(ED));
  assert.equal(line, `[srv]:2222 ${ED}`);
  assert.equal(decide([line], { host: "srv", port: 2222 }).kind, "known");
});

pure("decideHostKey() accepts a listed key and returns its line", () => {
  assert.deepEqual(decide(["# c", `h ${OTHER}`, `h ${ED}`]), {
    kind: "known",
    by: { keyType: "ssh-ed25519", fingerprint: ED_PRINT, source: FILE, line: 3 },
  });
});

pure("decideHostKey() refuses a changed key, strict or not", () => {
  for (const strict of [true, false]) {
    assert.deepEqual(decide([`h ${OTHER}`], { strict }), {
      kind: "changed",
      presented: { keyType: "ssh-ed25519", fingerprint: ED_PRINT },
      expected: [{ keyType: "ssh-ed25519", fingerprint: OTHER_PRINT, source: FILE, line: 1 }],
    });
  }
});

pure("decideHostKey() returns changed for a host that is listed only with another key type", () => {
  assert.equal(decide([`h ${RSA}`], { strict: false }).kind, "changed");
});

pure("decideHostKey() ignores keys of unknown types", () => {
  const line = `h ssh-new ${Buffer.from(wireKey("ssh-new", "x")).toString("base64")}`;
  assert.equal(entriesOf(line).length, 1);
  assert.equal(decide([line]).kind, "unknown");
  assert.equal(decide([line], { strict: false }).kind, "accepted-new");
});

pure("decideHostKey() lets a revocation win over everything", () => {
  const lines = [`h ${ED}`, `[h]:2222 ${ED}`, `@revoked * ${ED}`];
  for (const port of [22, 2222]) {
    const decision = decide(lines, { port, strict: false, remembered: keyOf(ED) });
    assert.ok(decision.kind === "revoked");
    assert.equal(decision.by.line, 3);
  }
});

pure("decideHostKey() applies a revocation of the bare host name to every port", () => {
  assert.equal(decide([`@revoked h ${ED}`], { port: 2222, strict: false }).kind, "revoked");
});

pure("decideHostKey() does not count a host as known because another key is revoked", () => {
  assert.equal(decide([`@revoked h ${OTHER}`]).kind, "unknown");
});

pure("decideHostKey() never confirms a plain key by a @cert-authority line", () => {
  const decision = decide([`@cert-authority h ${ED}`]);
  assert.ok(decision.kind === "unknown");
  assert.equal(decision.hasAuthority, true);
});

pure("decideHostKey() lets the bare host's key confirm another port, not contradict it", () => {
  assert.equal(decide([`h ${ED}`], { port: 2222 }).kind, "known");
  assert.equal(decide([`h ${OTHER}`], { port: 2222 }).kind, "unknown");
  assert.equal(decide([`[h]:2222 ${OTHER}`, `h ${ED}`], { port: 2222 }).kind, "changed");
  assert.equal(decide([`[h]:2222 ${ED}`]).kind, "unknown");
});

pure("decideHostKey() accepts a new host if not strict, and then expects that key", () => {
  assert.equal(decide([]).kind, "unknown");
  assert.deepEqual(decide([], { strict: false }), {
    kind: "accepted-new",
    presented: { keyType: "ssh-ed25519", fingerprint: ED_PRINT },
  });
  assert.equal(decide([], { strict: false, remembered: keyOf(ED) }).kind, "known");
  assert.deepEqual(decide([], { strict: false, remembered: keyOf(OTHER) }), {
    kind: "changed",
    presented: { keyType: "ssh-ed25519", fingerprint: ED_PRINT },
    expected: [{ keyType: "ssh-ed25519", fingerprint: OTHER_PRINT }],
  });
});

pure("preferredHostKeyTypes() puts known types first and keeps the rest", () => {
  const entries = entriesOf(`h ${RSA}`, `[h]:2222 ${ECDSA}`, `@cert-authority ca ${ED}`);
  assert.deepEqual(preferredHostKeyTypes(entries, "h", 22), [
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ssh-rsa",
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
  ]);
  assert.equal(preferredHostKeyTypes(entries, "h", 2222)[0], "ecdsa-sha2-nistp256");
  assert.equal(preferredHostKeyTypes(entries, "h", 2223)[0], "rsa-sha2-512");
  assert.deepEqual(preferredHostKeyTypes(entries, "ca", 22), []);
  assert.deepEqual(preferredHostKeyTypes(entries, "x", 22), []);
});

const target = (host: string, port: number) => ({ host, port, knownHostsPaths: [FILE, "/etc/x"] });

pure("keyscanCommand() names the port only if it is not 22, and quotes an unusual host", () => {
  assert.equal(keyscanCommand(target("a.b", 22)), `${MAKE}ssh-keyscan -H a.b >> ${FILE}`);
  assert.equal(keyscanCommand(target("::1", 2222)), `${MAKE}ssh-keyscan -H -p 2222 ::1 >> ${FILE}`);
  assert.equal(keyscanCommand(target("a;b", 22)), `${MAKE}ssh-keyscan -H 'a;b' >> ${FILE}`);
});

pure("keyscanCommand() names the known_hosts file, quoted", () => {
  const odd = { host: "h", port: 22, knownHostsPaths: ["/my keys/hosts", "/etc/x"] };
  assert.equal(
    keyscanCommand(odd),
    "mkdir -p -m 700 '/my keys' && ssh-keyscan -H h >> '/my keys/hosts'",
  );
});

pure("hostKeyError() suggests how to add an unknown host", () => {
  const error = hostKeyError(target("h", 2222), refusal([]));
  assert.equal(error.code, "host_key_unknown");
  assert.equal(
    error.message,
    `Server 'h' not found in known_hosts: its ssh-ed25519 key is ${ED_PRINT}`,
  );
  assert.ok(error.suggestion.includes(`\`${MAKE}ssh-keyscan -H -p 2222 h >> ${FILE}\``));
  assert.ok(error.suggestion.startsWith("Run `mcp-remote-exec trust h:2222`, or "));
  assert.match(error.suggestion, /SSH_STRICT_HOST_KEY_CHECKING=false/);
});

pure("hostKeyError() explains that a @cert-authority line does not apply", () => {
  const error = hostKeyError(target("h", 22), refusal([`@cert-authority h ${OTHER}`]));
  assert.match(error.message, /^Server 'h' not found in known_hosts: .*@cert-authority line/);
});

pure("hostKeyError() shows both keys of a changed host and how to remove the old one", () => {
  const error = hostKeyError(target("h", 2222), refusal([`[h]:2222 ${OTHER}`], { port: 2222 }));
  assert.equal(error.code, "host_key_changed");
  assert.equal(
    error.message,
    `The host key of 'h' has changed: got ssh-ed25519 ${ED_PRINT}, ` +
      `expected ssh-ed25519 ${OTHER_PRINT} (${FILE}:1)`,
  );
  assert.match(error.suggestion, /^Find out why /);
  assert.ok(error.suggestion.includes(`\`ssh-keygen -R '[h]:2222' -f ${FILE}\``));
  assert.ok(error.suggestion.endsWith(`\`${MAKE}ssh-keyscan -H -p 2222 h >> ${FILE}\``));
});

pure("hostKeyError() names no file for a key accepted earlier by this process", () => {
  const error = hostKeyError(
    target("h", 22),
    refusal([], { strict: false, remembered: keyOf(OTHER) }),
  );
  assert.match(error.message, /\(accepted earlier by this process\)$/);
  assert.match(error.suggestion, /restart this server$/);
});

pure("hostKeyError() never suggests removing a revocation", () => {
  const error = hostKeyError(target("h", 22), refusal([`@revoked h ${ED}`]));
  assert.equal(error.code, "host_key_changed");
  assert.match(error.message, /^The host key of 'h' is revoked: .*known_hosts:1$/);
  assert.doesNotMatch(error.suggestion, /ssh-keygen|ssh-keyscan|STRICT/);
});
