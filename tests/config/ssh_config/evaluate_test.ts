import assert from "node:assert/strict";
import {
  type ConfigRoot,
  evaluate,
  type HostQuery,
} from "../../../src/config/ssh_config/evaluate.ts";
import { ConfigFiles } from "../../../src/config/ssh_config/files.ts";
import { HostSettings } from "../../../src/config/ssh_config/host_settings.ts";
import { fakeMachine, type FakeMachineOptions } from "../../support/config.ts";
import { pure } from "../../support/pure.ts";

const USERS = "/home/me/.ssh/config";
const ROOTS: readonly ConfigRoot[] = [
  { path: USERS, isUsers: true, isChecked: true },
  { path: "/etc/ssh/ssh_config", isUsers: false, isChecked: false },
];

function read(
  texts: Readonly<Record<string, string>>,
  name: string,
  query: Partial<HostQuery> = {},
  options: FakeMachineOptions = {},
) {
  const machine = fakeMachine({ texts, ...options });
  return evaluate(ROOTS, new ConfigFiles(machine), machine, { name, localUser: "me", ...query });
}

function settings(text: string, name: string, query: Partial<HostQuery> = {}): HostSettings {
  const machine = fakeMachine({ texts: { [USERS]: text } });
  const variables = (variable: string) => ({ DIR: "/dir" })[variable];
  const context = { roots: ROOTS, files: new ConfigFiles(machine), machine, variables };
  return new HostSettings(context, { name, localUser: "me", ...query });
}

const valueOf = (texts: Readonly<Record<string, string>>, name: string) => {
  const [found] = read(texts, name).values.get("user") ?? [];
  return found && [found.text, found.place?.file, found.place?.line];
};

pure("evaluate() takes the first value, from the user's file before the system's", () => {
  const texts = {
    [USERS]: "Host web1\n  User one\nHost *\n  User two\n",
    "/etc/ssh/ssh_config": "User three\nPort 2200\n",
  };
  assert.deepEqual(valueOf(texts, "web1"), ["one", USERS, 2]);
  assert.deepEqual(valueOf(texts, "db1"), ["two", USERS, 4]);
  assert.equal(read(texts, "db1").values.get("port")?.[0]?.text, "2200");
});

pure(
  "evaluate() takes the blocks of a name in the order of the file, between those of patterns",
  () => {
    const blocks = ["Host web1", " User a", "Host web*", " Port 1", "Host db1", " User d"];
    const more = ["Host web2 web1", " Port 2", " HostName b", "Host *", " HostName c"];
    const { values } = read({ [USERS]: [...blocks, ...more].join("\n") }, "web1");
    const texts = [...values].map(([keyword, [found]]) => `${keyword} ${found?.text}`);
    assert.deepEqual(texts, ["user a", "port 1", "hostname b"]);
  },
);

pure("evaluate() sees faults, unknown keywords and includes in a block of another host", () => {
  const read1 = (lines: string) =>
    read({ [USERS]: `Host web1\n User a\nHost db1\n${lines}\n` }, "web1");
  assert.throws(() => read1("Port none"), { message: /config:4: port / });
  assert.throws(() => read1('User "a'), { message: /config:4: .*quotation mark/ });
  assert.deepEqual(read1("Colour red").unknown.map(({ keyword }) => keyword), ["colour"]);
  assert.throws(() => read1("Include config"), { message: /include each other/ });
});

pure("evaluate() reports whether a block names the host", () => {
  const texts = { [USERS]: "Host *\n User a\nHost web* !web2\n Port 1\nMatch host db1\n Port 2\n" };
  assert.equal(read(texts, "web1").isNamed, true);
  assert.equal(read(texts, "web2").isNamed, false);
  assert.equal(read(texts, "db1").isNamed, true);
  assert.equal(read(texts, "10.0.0.1").isNamed, false);
});

pure(
  "evaluate() reads includes relative to ~/.ssh and /etc/ssh, sorted, without hidden files",
  () => {
    const texts = {
      [USERS]: "Include conf.d/*.conf ~/more missing\n",
      "/home/me/.ssh/conf.d/b.conf": "User b\n",
      "/home/me/.ssh/conf.d/a.conf": "Host web1\n  User a\n",
      "/home/me/.ssh/conf.d/.c.conf": "User hidden\n",
      "/home/me/more": "Port 2200\n",
      "/etc/ssh/ssh_config": "Include ssh_config.d/*.conf\n",
      "/etc/ssh/ssh_config.d/x.conf": "Compression no\nHostKeyAlias x\n",
    };
    assert.deepEqual(valueOf(texts, "web1"), ["a", "/home/me/.ssh/conf.d/a.conf", 2]);
    assert.deepEqual(valueOf(texts, "db1"), ["b", "/home/me/.ssh/conf.d/b.conf", 1]);
    const { values } = read(texts, "db1");
    assert.equal(values.get("port")?.[0]?.text, "2200");
    assert.equal(values.get("hostkeyalias")?.[0]?.place?.file, "/etc/ssh/ssh_config.d/x.conf");
  },
);

pure("an include in a block that does not apply sets nothing", () => {
  const texts = {
    [USERS]: "Host other\n  Include /part\n  User other\nHost *\n  User last\n",
    "/part": "User part\nHost *\n  User part\n",
  };
  assert.equal(valueOf(texts, "web1")?.[0], "last");
  assert.equal(valueOf(texts, "other")?.[0], "part");
});

pure("files that include each other are refused, and so is an explosion of includes", () => {
  assert.throws(
    () => read({ [USERS]: "Include config\n" }, "web1"),
    /config:1: files include each other more than 16 levels deep/,
  );
  assert.throws(
    () =>
      read({
        [USERS]: "Host *\n" + "Include /a\n".repeat(40),
        "/a": "Include /b\n".repeat(40),
        "/b": "",
      }, "x"),
    /more than 1000 files are included/,
  );
});

pure("a wrong line is refused with file and line, wherever it is", () => {
  const faults: readonly [string, RegExp][] = [
    ["Host other\n  Port many\n", /config:2: port must be a port from 1 to 65535/],
    ['User "a\n', /config:1: a quotation mark is not closed/],
    ["\n\nIdentitiesOnly maybe\n", /config:3: identitiesonly must be one of true, false, yes, no/],
    ["User a b\n", /config:1: user has more than one value/],
    ["Match host\n", /config:1: match has no value for host/],
    ["Match sometimes x\n", /config:1: match has the unknown criterion sometimes/],
    ["ConnectTimeout 5x\n", /config:1: connecttimeout must be a time/],
    ["ProxyJump @x\n", /config:1: proxyjump names "@x", which is no jump host/],
    ["Include ~other/x\n", /config:1: include names the home directory of another user/],
  ];
  for (const [text, message] of faults) {
    assert.throws(() => read({ [USERS]: text }, "web1"), message, text);
  }
  assert.throws(() => read({ "/etc/ssh/ssh_config": "Include ~/x\n" }, "web1"), /begins with ~/);
  assert.throws(
    () => read({ [USERS]: "Port x\nUser\n" }, "web1"),
    /config:1: port must .*; .*config:2: the value of user is missing/,
  );
});

pure("keywords without a meaning here are skipped, and those of nobody are reported", () => {
  const { unknown } = read({ [USERS]: "UseKeychain yes\nTunnel no\nFoo bar\n" }, "web1");
  assert.deepEqual(unknown, [{ keyword: "foo", place: { file: USERS, line: 3 } }]);
  assert.deepEqual(read({ [USERS]: "IgnoreUnknown F*\nFoo bar\n" }, "web1").unknown, []);
});

pure("others may not write the user's file or an included one", () => {
  const texts = { [USERS]: "Include /part\n", "/part": "User a\n" };
  assert.throws(
    () => read(texts, "web1", {}, { modes: { [USERS]: 0o660 } }),
    {
      message: `Bad owner or permissions on ${USERS}: other users may write it`,
      remedy: `Run: chmod go-w ${USERS}`,
    },
  );
  assert.throws(() => read(texts, "web1", {}, { modes: { "/part": 0o602 } }), /on \/part/);
  assert.equal(read(texts, "web1", {}, { modes: { [USERS]: 0o644 } }).values.size, 1);
});

pure("Match exec is undecided only if the rest of the line holds", () => {
  const what = (text: string) => read({ [USERS]: text }, "web1").undecided.map(({ what }) => what);
  assert.deepEqual(what('Match host web1 exec "true"\n  User a\n'), ["Match exec"]);
  assert.deepEqual(what('Match exec "true" host other\nMatch final host other\n'), []);
  assert.deepEqual(what("Host other\n  Include /x\n"), []);
});

pure("Match final reads the files again, with the address that was found", () => {
  const texts = {
    [USERS]: "Match final host 10.0.0.1\n  User late\nHost web1\n  HostName 10.0.0.1\n",
  };
  assert.deepEqual(valueOf(texts, "web1"), ["late", USERS, 2]);
  assert.equal(valueOf(texts, "db1"), undefined);
  // The system file of Fedora and its relatives must not name every host.
  const fedora = read({ "/etc/ssh/ssh_config": "Match final all\n  Ciphers aes256-ctr\n" }, "x");
  assert.deepEqual([fedora.isNamed, fedora.values.get("ciphers")?.[0]?.text], [
    false,
    "aes256-ctr",
  ]);
  assert.equal(valueOf({ [USERS]: "Match canonical\n  User a\n" }, "web1"), undefined);
});

pure("HostSettings expands ~, tokens and variables per keyword", () => {
  const found = settings(
    "HostName %h.Example.ORG\nUser deploy\nPort 2200\n" +
      "IdentityFile ~/.ssh/%r@%h:%p-%n-%u-%i%%\nIdentityFile ${DIR}/key\nIdentityFile none\n" +
      "UserKnownHostsFile %d/k ~/%k\nGlobalKnownHostsFile ~/%h\nIdentityAgent $DIR\n",
    "web1",
  );
  assert.equal(found.hostname.value, "web1.example.org");
  assert.deepEqual(found.identityFiles?.map(({ value }) => value), [
    "/home/me/.ssh/deploy@web1.example.org:2200-web1-me-1000%",
    "/dir/key",
  ]);
  assert.deepEqual(found.userKnownHosts?.map(({ value }) => value), [
    "/home/me/k",
    "/home/me/web1",
  ]);
  assert.deepEqual(found.globalKnownHosts?.map(({ value }) => value), ["~/%h"]);
  assert.equal(found.identityAgent?.value, "/dir");
});

pure("HostSettings expands the tokens of ProxyJump with the values of the host behind it", () => {
  const found = settings(
    "HostName 10.0.0.5\nUser deploy\nPort 2200\nProxyJump %r%%x@%n-gw:22,%h.gw\n",
    "web1",
  );
  assert.deepEqual(found.jumps.value, [
    { user: "deploy%x", host: "web1-gw", port: 22 },
    { user: undefined, host: "10.0.0.5.gw", port: undefined },
  ]);
  assert.equal(found.text("proxyjump")?.value, "%r%%x@%n-gw:22,%h.gw");
  assert.throws(
    () => settings("ProxyJump %u@gw", "web1").jumps,
    /config:1: proxyjump has the unknown token %u/,
  );
});

pure("HostSettings names the line of a token or variable that it does not know", () => {
  for (
    const [text, message] of [
      ["IdentityFile ${NO}/a", /config:1: identityfile needs the environment variable NO/],
      ["IdentityFile /%z", /config:1: identityfile has the unknown token %z/],
      ["IdentityFile /%L", /config:1: identityfile needs %L, which is not known here/],
    ] as const
  ) {
    assert.throws(() => settings(text, "web1").identityFiles, message);
  }
  assert.throws(
    () => settings("HostName %p", "web1"),
    /config:1: hostname has the unknown token %p/,
  );
});

pure("the caller's user, port and jump win, as on the command line of ssh", () => {
  const text = "Match user root\n  HostKeyAlias root\nHost *\n  User a\n  Port 1\n  ProxyJump b\n";
  const found = settings(text, "web1", { user: "root", port: 22, proxyJump: "me@x:1,y" });
  assert.deepEqual(
    [found.user?.value, found.port.value, found.hostKeyAlias?.value, found.user?.place],
    ["root", 22, "root", undefined],
  );
  assert.deepEqual(found.jumps.value, [
    { user: "me", host: "x", port: 1 },
    { user: undefined, host: "y", port: undefined },
  ]);
  assert.equal(settings("", "web1").user?.value, "me");
});
