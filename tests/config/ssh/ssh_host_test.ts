import assert from "node:assert/strict";
import type { Environment } from "../../../src/config/environment.ts";
import { describeAccess } from "../../../src/sandbox/permissions.ts";
import { configOf, fakeMachine, type FakeMachineOptions, faultsOf } from "../../support/config.ts";
import { pure } from "../../support/pure.ts";

const FILE = "/home/me/.ssh/config";
const ALONE: Environment = { SSH_PASSWORD: undefined, HOST: "web1", USER: "me" };
const AGENT = "/run/agent.sock";

const machineWith = (config: string, options: FakeMachineOptions = {}) =>
  fakeMachine({ ...options, texts: { [FILE]: config, ...options.texts } });

const sshOf = (config: string, env: Environment = {}, options: FakeMachineOptions = {}) =>
  configOf({ ...ALONE, ...env }, machineWith(config, options)).ssh;

const faultOf = (config: string, env: Environment = {}, options: FakeMachineOptions = {}) =>
  faultsOf({ ...ALONE, ...env }, machineWith(config, options))[0];

const KEY = { files: ["/home/me/.ssh/id_web"] };
const WEB1 = `Host web1
  HostName 10.0.0.5
  User deploy
  Port 2222
  IdentityFile ~/.ssh/id_web
  UserKnownHostsFile ~/.ssh/known_web
  HostKeyAlias web.internal
  ConnectTimeout 7
  ServerAliveInterval 20
  ServerAliveCountMax 2
  AddressFamily inet6
  Ciphers aes256-gcm@openssh.com,unknown
  KexAlgorithms -curve*
  StrictHostKeyChecking no
`;

pure("chooseHost() takes everything that the SSH configuration says about an alias", () => {
  const { sources, algorithms, ...ssh } = sshOf(WEB1, {}, KEY);
  assert.deepEqual(ssh, {
    ...{ host: "10.0.0.5", alias: "web1", port: 2222, username: "deploy" },
    login: {
      kind: "key",
      path: "/home/me/.ssh/id_web",
      passphrase: undefined,
      place: `${FILE}:5`,
    },
    knownHostsPaths: ["/home/me/.ssh/known_web", "/etc/ssh/ssh_known_hosts"],
    ...{ hostKeyAlias: "web.internal", connectTimeoutMs: 7_000, family: 6 },
    ...{ keepaliveMs: 20_000, keepaliveMax: 2, strictHostKeyChecking: true },
  });
  assert.deepEqual(algorithms?.cipher, ["aes256-gcm@openssh.com"]);
  assert.equal(algorithms?.kex?.[0], "ecdh-sha2-nistp256");
  assert.deepEqual(sources?.[0], { keyword: "HostName", value: "10.0.0.5", place: `${FILE}:2` });
});

pure("explicit variables win over the file", () => {
  const env = {
    ...{ SSH_USERNAME: "admin", SSH_PORT: "22", SSH_PASSWORD: "secret word" },
    SSH_KNOWN_HOSTS: "/k",
  };
  const ssh = sshOf(WEB1, env, { files: [...KEY.files, "/k"] });
  assert.deepEqual([ssh.username, ssh.port, ssh.login.kind, ssh.host], [
    ...["admin", 22, "password", "10.0.0.5"],
  ]);
  assert.equal(ssh.knownHostsPaths[0], "/k");
  assert.ok(
    !ssh.sources?.some(({ keyword }) => ["User", "Port", "IdentityFile"].includes(keyword)),
  );
});

pure("the user is that of the file, else that of ssh for a host the file names, else root", () => {
  assert.equal(sshOf("Host web*\n", { SSH_AUTH_SOCK: AGENT }).username, "me");
  assert.equal(sshOf("Host *\n", { SSH_AUTH_SOCK: AGENT }).username, "root");
  assert.equal(sshOf("Host *\n  User x\n", { SSH_AUTH_SOCK: AGENT }).username, "x");
  const noUser = { SSH_AUTH_SOCK: AGENT, USER: undefined };
  const texts = { "/etc/passwd": "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/me:/bin/sh\n" };
  assert.equal(sshOf("Host web1\n", noUser, { texts }).username, "ann");
});

pure("SSH_CONFIG names another file, or none", () => {
  const texts = { "/other": "User other\n", "/etc/ssh/ssh_config": "Port 2200\n" };
  const agent = { SSH_AUTH_SOCK: AGENT };
  assert.deepEqual(
    [sshOf(WEB1, { ...agent, SSH_CONFIG: "/other" }, { texts })].map(({ username, port }) => [
      ...[username, port],
    ]),
    [["other", 22]],
  );
  const none = sshOf("broken", { ...agent, SSH_CONFIG: "None" }, { texts });
  assert.deepEqual([none.host, none.port, none.username, none.login.kind], [
    ...["web1", 22, "root", "agent"],
  ]);
  assert.equal(sshOf("Host x\n", agent, { texts }).port, 2200);
  assert.equal(
    faultOf("", { SSH_CONFIG: "/missing" })?.message,
    'SSH_CONFIG names "/missing", which is not a file',
  );
});

pure("with SSH_CONFIG=none there are no default keys", () => {
  const files = ["/home/me/.ssh/id_ed25519"];
  assert.match(faultOf("", { SSH_CONFIG: "none" }, { files })?.message ?? "", /^No authentication/);
});

pure("without a setting the agent comes first, then id_ed25519, id_ecdsa and id_rsa", () => {
  const files = ["id_rsa", "id_ed25519", "id_ed25519.pub", "id_ecdsa_sk"].map((name) =>
    `/home/me/.ssh/${name}`
  );
  assert.deepEqual(sshOf("", { SSH_AUTH_SOCK: AGENT }, { files }).login, {
    ...{ kind: "keys", socket: AGENT, onlyThese: false, passphrase: undefined },
    keys: [
      { path: "/home/me/.ssh/id_ed25519", publicPath: "/home/me/.ssh/id_ed25519.pub" },
      { path: "/home/me/.ssh/id_rsa" },
    ],
  });
  assert.equal(sshOf("", { SSH_AUTH_SOCK: "/run/ended" }, { files }).login.kind, "keys");
  assert.deepEqual(sshOf("", {}, { files: [files[0] ?? ""] }).login, {
    ...{ kind: "key", path: "/home/me/.ssh/id_rsa", passphrase: undefined },
  });
});

pure(
  "IdentityFile may be a public key of the agent, and IdentitiesOnly limits the agent to the files",
  () => {
    const config =
      "IdentityFile ~/.ssh/id_web.pub\nIdentitiesOnly yes\nIdentityAgent /run/own.sock\n";
    const options = { files: ["/home/me/.ssh/id_web.pub"], sockets: ["/run/own.sock", AGENT] };
    assert.deepEqual(sshOf(config, { SSH_AUTH_SOCK: AGENT }, options).login, {
      ...{ kind: "keys", socket: "/run/own.sock", onlyThese: true, passphrase: undefined },
      ...{ place: `${FILE}:3` },
      keys: [{ path: "/home/me/.ssh/id_web.pub", place: `${FILE}:1` }],
    });
    const none = faultOf("IdentityAgent none\nIdentityFile ~/.ssh/id_web.pub\n", {
      SSH_AUTH_SOCK: AGENT,
    }, options);
    assert.match(none?.message ?? "", /^No authentication configured/);
  },
);

pure(
  "keys that do not exist or are for hardware, and missing certificates, are named with their lines",
  () => {
    const files = ["/home/me/.ssh/sk"];
    const texts = { "/home/me/.ssh/sk.pub": "sk-ssh-ed25519@openssh.com AAAA" };
    const fault = faultOf("IdentityFile ~/.ssh/sk\nIdentityFile /no\n", {}, { files, texts });
    assert.equal(
      fault?.message,
      `No key for web1 can be used: /home/me/.ssh/sk (${FILE}:1) is a hardware key (sk-), which this server ` +
        `cannot use; /no (${FILE}:2) does not exist`,
    );
    const { origin } = configOf(
      { ...ALONE, SSH_AUTH_SOCK: AGENT },
      machineWith("IdentityFile /no\nFoo bar\nCertificateFile /c\n"),
    );
    assert.deepEqual(origin.remarks.map(({ message }) => message), [
      `IdentityFile /no (${FILE}:1) does not exist`,
      `CertificateFile /c (${FILE}:3) does not exist`,
      `${FILE}:2: foo is not a keyword of OpenSSH`,
    ]);
  },
);

pure("what needs a right that the server does not have is refused by name, with a remedy", () => {
  const cases: readonly (readonly [string, RegExp, RegExp])[] = [
    [
      "ProxyCommand nc %h %p",
      /^web1 cannot be used: ProxyCommand \(.*config:1\) runs/,
      /ProxyJump/,
    ],
    ["PermitLocalCommand yes\nLocalCommand x", /LocalCommand \(.*config:2\) runs/, /Permit/],
    ["KnownHostsCommand /x", /KnownHostsCommand \(/, /UserKnownHostsFile/],
    ["PKCS11Provider /x.so", /PKCS11Provider .* hardware key/, /agent/],
    ["RevokedHostKeys /x", /RevokedHostKeys \(/, /@revoked/],
    ['Match exec "true"', /Match exec \(.*config:1\) cannot be decided/, /Host/],
    ["CanonicalizeHostname yes", /CanonicalizeHostname \(/, /complete name/],
    ["Host web1\n  Port x", /config:2: port must be/, /SSH_CONFIG=none/],
    ["Ciphers 3des", /config:1: ciphers leaves nothing/, /Add one of chacha20/],
    ["HostName a/b", /config:1: HostName "a\/b" is not a host name/, /Correct HostName/],
  ];
  for (const [config, message, remedy] of cases) {
    const fault = faultOf(config, { SSH_AUTH_SOCK: AGENT });
    assert.match(fault?.message ?? "", message, config);
    assert.match(fault?.remedy ?? "", remedy, config);
  }
  for (const config of ["ProxyCommand none", "LocalCommand x", "Match exec x host other"]) {
    assert.equal(sshOf(config, { SSH_AUTH_SOCK: AGENT }).port, 22, config);
  }
});

pure("StrictHostKeyChecking of the file is never weaker than the variable", () => {
  const strict = (line: string, value: string) =>
    sshOf(line, { SSH_AUTH_SOCK: AGENT, SSH_STRICT_HOST_KEY_CHECKING: value })
      .strictHostKeyChecking;
  for (const word of ["no", "accept-new", "off", "ask", "yes"]) {
    assert.equal(strict(`StrictHostKeyChecking ${word}`, "true"), true, word);
    assert.equal(strict(`StrictHostKeyChecking ${word}`, "false"), word === "yes", word);
  }
});

pure("the SSH configuration and its files are the server's own files", () => {
  const texts = { "/home/me/.ssh/more": "Port 2200\n" };
  const { own } = configOf(
    { ...ALONE, SSH_AUTH_SOCK: AGENT },
    machineWith("Include more\n", { texts }),
  ).files;
  assert.ok(own.includes(FILE) && own.includes("/home/me/.ssh/more"));
});

pure("permissions name exactly what results, with file and line", () => {
  const config = configOf(
    { ...ALONE, SSH_AUTH_SOCK: AGENT, TOOLS: "ssh_exec_command" },
    machineWith(WEB1, { ...KEY }),
  );
  assert.equal(
    describeAccess(config).split("main isolate")[0]?.replaceAll(FILE, "F"),
    `offered tools
  READ_ONLY  false
  TOOLS      ssh_exec_command
  tools      ssh_exec_command
host web1
  HostName               10.0.0.5 (F:2)
  Port                   2222 (F:4)
  User                   deploy (F:3)
  IdentityFile           /home/me/.ssh/id_web (F:5)
  UserKnownHostsFile     /home/me/.ssh/known_web (F:6)
  HostKeyAlias           web.internal (F:7)
  KexAlgorithms          -curve* (F:13)
  Ciphers                aes256-gcm@openssh.com,unknown (F:12)
  ConnectTimeout         7 (F:8)
  ServerAliveInterval    20 (F:9)
  ServerAliveCountMax    2 (F:10)
  AddressFamily          inet6 (F:11)
  StrictHostKeyChecking  false (F:14)
worker ssh
  net    10.0.0.5:2222 (F:2, F:4), unix:/run/agent.sock
  read   /home/me/.ssh/id_web (F:5), /home/me/.ssh/known_web (F:6), /etc/ssh/ssh_known_hosts, /run/agent.sock
  write  /run/agent.sock
  env, run, sys, ffi, import   none
`,
  );
});

const CHAIN = `Host outer
  HostName 10.0.0.1
Host a
  User ann
  ProxyJump outer
  IdentityFile ~/.ssh/id_web
Host b
  ProxyJump none
  ProxyCommand nc
  Port 2200
  UserKnownHostsFile /known
`;

pure("jump hosts are in order: the first with its own ProxyJump, the others without theirs", () => {
  const env = { SSH_AUTH_SOCK: AGENT, SSH_USERNAME: "admin", SSH_KNOWN_HOSTS: "/k" };
  const config = `Host web1\n  ProxyJump a,bob@b:2201\n${CHAIN}`;
  const ssh = sshOf(config, env, KEY);
  assert.equal(ssh.host, "web1");
  assert.deepEqual(
    ssh.jumps?.map(({ host, port, username, login, knownHostsPaths }) => [
      ...[host, port, username, login.kind, knownHostsPaths[0]],
    ]),
    [
      ["10.0.0.1", 22, "me", "agent", "/k"],
      ["a", 22, "ann", "keys", "/k"],
      ["b", 2201, "bob", "agent", "/known"],
    ],
  );
  const loaded = configOf(
    { ...ALONE, ...env, TOOLS: "ssh_exec_command" },
    machineWith(config, KEY),
  );
  const access = describeAccess(loaded).replaceAll(FILE, "F");
  assert.match(access, /^ {2}net +10\.0\.0\.1:22 \(F:4\), unix:\/run\/agent\.sock$/m);
  assert.match(
    access,
    /^ {2}read +\/home\/me\/\.ssh\/id_web \(F:8\), \/k, .*, \/known \(F:13\), /m,
  );
});

pure("a ProxyJump that leads back to itself, or to a host that cannot be used, is a fault", () => {
  const agent = { SSH_AUTH_SOCK: AGENT };
  for (
    const [config, message] of [
      ["Host *\n  ProxyJump bastion\n", /config:2: ProxyJump bastion leads back to itself/],
      [
        "Host web1\n ProxyJump a\nHost a\n ProxyJump b\nHost b\n ProxyJump a\n",
        /config:6: .*itself/,
      ],
      ["Host web1\n ProxyJump web1\n", /config:2: ProxyJump web1 leads back to itself/],
      [`Host web1\n ProxyJump b\n${CHAIN.replace("  ProxyJump none\n", "")}`, /^b cannot be used/],
      ["Host web1\n ProxyJump x\nHost x\n IdentityAgent none\n", /^Jump host x: No authentication/],
    ] as const
  ) {
    assert.match(faultOf(config, agent)?.message ?? "", message, config);
  }
  const explicit = { SSH_PASSWORD: "long secret", USER: "me" };
  assert.match(
    faultOf("Host web1\n ProxyJump x", explicit)?.message ?? "",
    /^Jump host x: No authentication/,
  );
});

pure("a certificate is that of CertificateFile, or the one beside its key", () => {
  const key = "/home/me/.ssh/id_web";
  const files = [key, `${key}-cert.pub`, "/c-cert.pub"];
  const read = (config: string) => {
    const { login } = sshOf(config, {}, { files });
    return login.kind === "keys" ? login.certificates : login.kind;
  };
  assert.deepEqual(read("IdentityFile ~/.ssh/id_web\n"), [{ path: `${key}-cert.pub` }]);
  assert.deepEqual(read("IdentityFile ~/.ssh/id_web\nCertificateFile /c-cert.pub\n"), [
    { path: "/c-cert.pub", place: `${FILE}:2` },
  ]);
});

pure("SSH_PASSWORD_NAME and SSH_KEY_PASSPHRASE_NAME are for one host, and secret", () => {
  const config = `Host web1\n  ProxyJump my-hop.1,b\nHost b web1\n  IdentityFile ~/.ssh/id_web\n`;
  const env = {
    SSH_PASSWORD_MY_HOP_1: "hop secret",
    SSH_KEY_PASSPHRASE: "common",
    SSH_KEY_PASSPHRASE_B: "of b",
  };
  const { ssh, secrets } = configOf({ ...ALONE, ...env }, machineWith(config, KEY));
  assert.deepEqual(ssh.jumps?.map(({ login }) => login), [
    { kind: "password", password: "hop secret" },
    { kind: "key", path: KEY.files[0], passphrase: "of b", place: `${FILE}:4` },
  ]);
  assert.ok(ssh.login.kind === "key" && ssh.login.passphrase === "common");
  assert.deepEqual([...secrets].sort(), ["common", "hop secret", "of b"]);
  const own = sshOf("", { SSH_PASSWORD: "general", SSH_PASSWORD_WEB1: "special" });
  assert.deepEqual(own.login, { kind: "password", password: "special" });
});

pure("on Windows, includes are found below the user directory", () => {
  const home = "C:\\Users\\me";
  const texts = {
    [`${home}\\.ssh\\config`]: "Include conf.d/*.conf\n",
    "C:/Users/me/.ssh/conf.d/a.conf": "Port 2200\n",
  };
  const machine = fakeMachine({ windows: true, cwd: "C:\\work", home, texts });
  assert.equal(configOf({ ...ALONE, SSH_PASSWORD: "long secret" }, machine).ssh.port, 2_200);
});
