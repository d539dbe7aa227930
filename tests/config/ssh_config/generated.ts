import fc from "../../support/property.ts";

/** A generated configuration: the main file, files that it may include, and the host to look up. */
export interface Generated {
  readonly main: string;
  readonly included: readonly string[];
  readonly name: string;
}

export const NAMES = ["web1", "web2", "WEB1", "db1.example.org", "bastion", "10.0.0.7", "pve"];

const pattern = fc.constantFrom(
  ...["*", "web*", "web?", "!web2", "!w*", "*.example.org", "db1.example.org", "web1", "bastion"],
  ...["10.0.0.*", "WEB1", "pve", "p?e", "!bastion", "none"],
);
const list = fc.array(pattern, { minLength: 1, maxLength: 3 }).map((all) => all.join(","));
const path = fc.constantFrom(
  ...["~/.ssh/a", "~/.ssh/id_%h", "/k/%r@%h:%p", "/k/with blank", "~", "~/", "/k/%n-%u%%", "none"],
  ...[
    "%d/k",
    "/k/it's",
    "/k/${HOME}/x",
    "/k/%k",
    "/k/%i",
    "relative",
    '/k/quo"te',
    "/k/back\\slash",
  ],
);
const names = fc.constantFrom(
  ...["a", "root", "deploy", "Admin", "o'brien", "x y", "back\\slash"],
);
const jump = fc.constantFrom(
  ...["jumper", "me@jumper", "jumper:2222", "me@jumper:2222,db1", "a,b,c", "ssh://me@b:22"],
  ...["[::1]:22", "10.0.0.1", "none", "NONE", "a,u@[::1]:2200", "u@v@jumper"],
);
const time = fc.constantFrom("5", "30s", "1m", "1m30s", "2H", "none", "0");
const flag = fc.constantFrom("yes", "no", "true", "false", "YES", "No");
/** OpenSSH 9.2 takes patterns only after `-`, and in the algorithms of host keys. */
const algorithms = (all: readonly string[], patterns: readonly string[]) =>
  fc.constantFrom("", "+", "-", "^").chain((sign) => {
    const names = sign === "-" ? [...all, ...patterns] : [...all];
    return fc.shuffledSubarray(names, { minLength: 1, maxLength: 2 })
      .map((some) => `${sign}${some.join(",")}`);
  });

/** A word, quoted in one of the ways that OpenSSH reads. */
const quoted = (word: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(word, fc.nat({ max: 3 })).map(([text, how]) => {
    const needs = /[\s'"\\#]/.test(text) || text === "";
    if (how === 0 && !text.includes("'")) return `'${text.replace(/\\/g, "\\\\")}'`;
    if (how === 1 || needs) return `"${text.replace(/["\\]/g, "\\$&")}"`;
    return text;
  });

const words = (word: fc.Arbitrary<string>, max: number) =>
  fc.array(quoted(word), { minLength: 1, maxLength: max }).map((all) => all.join(" "));

const line = (keyword: string, value: fc.Arbitrary<string>) =>
  fc.tuple(
    fc.constantFrom(keyword, keyword.toLowerCase(), keyword.toUpperCase()),
    fc.constantFrom(" ", " ", "=", " = ", "\t", "  "),
    value,
    fc.constantFrom("", "  ", "\t", "    "),
    fc.constantFrom("", "", "", " ", " # comment", "\r"),
  ).map(([name, between, text, indent, end]) =>
    // Only words may be followed by a comment; the rest of the line is the value of the others.
    `${indent}${name}${between}${text}${/^(Proxy|Local|Known)/.test(keyword) ? "" : end}`
  );

const setting = fc.oneof(
  line("HostName", quoted(fc.constantFrom("10.1.2.3", "%h.example.org", "Web.Example.ORG", "::1"))),
  line("User", quoted(names)),
  line("Port", quoted(fc.constantFrom("22", "2222", "65535"))),
  line("IdentityFile", quoted(path)),
  line("IdentityFile2", quoted(path)),
  line("CertificateFile", quoted(path)),
  line("IdentitiesOnly", quoted(flag)),
  line(
    "IdentityAgent",
    quoted(fc.constantFrom("none", "SSH_AUTH_SOCK", "~/agent", "/a/%r", "/x y")),
  ),
  line("UserKnownHostsFile", words(path.filter((each) => each !== "none"), 3)),
  line("UserKnownHostsFile", fc.constant("none")),
  line("GlobalKnownHostsFile", words(path.filter((each) => each !== "none"), 3)),
  line("HostKeyAlias", quoted(fc.constantFrom("Alias", "web", "a.b"))),
  line(
    "HostKeyAlgorithms",
    algorithms(["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-*"], ["ecdsa-*256"]),
  ),
  line("KexAlgorithms", algorithms(["curve25519-sha256", "ecdh-sha2-nistp256"], ["ecdh-*"])),
  line("Ciphers", algorithms(["aes128-ctr", "aes256-gcm@openssh.com"], ["chacha20*", "aes*ctr"])),
  line("MACs", algorithms(["hmac-sha2-256", "hmac-sha1"], ["*-etm@openssh.com"])),
  line("ProxyJump", jump),
  line(
    "ProxyCommand",
    fc.constantFrom("none", "nc %h %p", "ssh -W %h:%p bastion  # kept", "'a b'"),
  ),
  line("ConnectTimeout", quoted(time)),
  line("ServerAliveInterval", quoted(time)),
  line("ServerAliveCountMax", quoted(fc.constantFrom("1", "0", "7"))),
  line("AddressFamily", quoted(fc.constantFrom("inet", "inet6", "any", "INET"))),
  line("StrictHostKeyChecking", quoted(fc.constantFrom("yes", "no", "ask", "accept-new", "off"))),
  line("LocalCommand", fc.constantFrom("none", 'echo "%h"')),
  line("PermitLocalCommand", quoted(flag)),
  line("KnownHostsCommand", fc.constantFrom("none", "/bin/keys %H")),
  line("PKCS11Provider", quoted(fc.constantFrom("none", "/usr/lib/p11.so"))),
  line("RevokedHostKeys", quoted(fc.constantFrom("none", "/etc/revoked"))),
  line("ForwardAgent", quoted(flag)),
  line("SendEnv", words(fc.constantFrom("LANG", "LC_*"), 3)),
  line("IgnoreUnknown", fc.constant("Use*")),
  fc.constantFrom("", "# a comment", "   ", "  # Host web1"),
);

/** Most of these lines OpenSSH refuses. */
const broken = fc.constantFrom(
  ...["Port 0", "Port many", 'User "open', "User", "IdentitiesOnly maybe", "ConnectTimeout 5x"],
  ...["User a b", "ProxyJump @x", "UserKnownHostsFile a none", "Match nothing", "Match", "Host"],
  ...['IdentityFile ""', "AddressFamily ipx", "ProxyJump a,:22", "ServerAliveCountMax x"],
);

const head = fc.oneof(
  { weight: 4, arbitrary: line("Host", words(pattern, 3)) },
  {
    weight: 2,
    arbitrary: line(
      "Match",
      fc.array(
        fc.tuple(
          fc.constantFrom("", "", "!"),
          fc.constantFrom("host", "originalhost", "Host"),
          fc.constantFrom(" ", "=", " = "),
          list,
        ).map(([sign, name, between, value]) => `${sign}${name}${between}${value}`),
        { minLength: 1, maxLength: 2 },
      ).map((all) => all.join(" ")),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...["Match all", "Match user root", "Match localuser root", 'Match user "r*" host web*'],
      ...["Match host web1 all", "Match user deploy,Admin", "Match !user root", "MATCH ALL # x"],
      ...["Match final all", "Match final host 10.*,web.*", "Match !final", "Match canonical all"],
    ),
  },
);

const block = (include: readonly string[]) =>
  fc.tuple(
    head,
    fc.array(
      fc.oneof(
        { weight: 20, arbitrary: setting },
        ...(include.length === 0
          ? []
          : [{ weight: 2, arbitrary: line("Include", fc.constantFrom(...include)) }]),
      ),
      { maxLength: 7 },
    ),
  ).map(([first, lines]) => [first, ...lines].join("\n"));

const file = (include: readonly string[]) =>
  fc.tuple(
    fc.array(setting, { maxLength: 2 }),
    fc.array(block(include), { minLength: 1, maxLength: 6 }),
    fc.oneof({ weight: 30, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: broken }),
  ).map(([top, blocks, bad]) =>
    [...top, ...blocks, ...(bad === undefined ? [] : [bad])].join("\n") + "\n"
  );

/** Generates configurations. @param include values of Include lines */
export const generatedConfig = (include: readonly string[]): fc.Arbitrary<Generated> =>
  fc.record({
    main: file(include),
    included: fc.tuple(file([]), file([])),
    name: fc.constantFrom(...NAMES),
  });
