import assert from "node:assert/strict";
import type { Environment } from "../../../src/config/environment.ts";
import { usableHosts } from "../../../src/config/ssh/hosts.ts";
import { configOf, fakeMachine, faultsOf } from "../../support/config.ts";
import { pure } from "../../support/pure.ts";

const ADDRESSES = { HOST: undefined, HOSTS: "web1, web2,10.0.0.3", SSH_CONFIG: "none" };

const SSH_CONFIG = `
Host web1
  HostName 10.0.0.1
  User deploy
Host web2 web-3 !old
  HostName %h.example.org
  Port 2222
Host db1
  ProxyCommand nc %h %p
Host web* db*
  IdentityFile ~/.ssh/id_web
Include more
`;
const machine = () =>
  fakeMachine({
    texts: {
      "/home/me/.ssh/config": SSH_CONFIG,
      "/home/me/.ssh/more": "Host web9\n  HostName 10.0.0.9\n",
      "/home/me/.ssh/id_web": "key",
      "/home/me/.ssh/id_ed25519": "key",
    },
  });

const named = (env: Environment) =>
  configOf({ HOST: undefined, SSH_PASSWORD: undefined, ...env }, machine());

pure("HOSTS without an SSH configuration names addresses with one login", () => {
  const { hosts, ssh } = configOf(ADDRESSES);
  assert.deepEqual(hosts?.list.map(({ name }) => name), ["web1", "web2", "10.0.0.3"]);
  assert.equal(hosts?.defaultName, undefined);
  assert.equal(ssh, hosts?.list[0]?.ssh);
  for (const { name, ssh } of hosts?.list ?? []) {
    assert.equal(ssh?.host, name);
    assert.deepEqual(ssh?.login, { kind: "password", password: "correct horse" });
  }
});

pure("one host has no list, whatever names it", () => {
  assert.equal(configOf().hosts, undefined);
  const one = configOf({ HOST: undefined, HOSTS: "web1" });
  assert.equal(one.hosts, undefined);
  assert.equal(one.ssh.host, "web1");
  assert.equal(configOf({ HOST: "web1", HOSTS: "web1" }).hosts, undefined);
});

pure("HOST is the default and one of the hosts", () => {
  const { hosts, ssh } = configOf({ HOST: "main", HOSTS: "web1" });
  assert.deepEqual(hosts?.list.map(({ name }) => name), ["main", "web1"]);
  assert.equal(hosts?.defaultName, "main");
  assert.equal(ssh.host, "main");
});

pure("a pattern of HOSTS matches names in the SSH configuration and its included files", () => {
  const { hosts } = named({ HOSTS: "web*" });
  assert.deepEqual(hosts?.list.map(({ name }) => name), ["web1", "web2", "web-3", "web9"]);
  assert.deepEqual(
    hosts?.list.map(({ ssh }) => [ssh?.host, ssh?.port, ssh?.username]),
    [
      ["10.0.0.1", 22, "deploy"],
      ["web2.example.org", 2222, "root"],
      ["web-3.example.org", 2222, "root"],
      ["10.0.0.9", 22, "root"],
    ].map((
      [host, port, user],
    ) => [host, port, user === "root" ? hosts?.list[1]?.ssh?.username : user]),
  );
  assert.equal(hosts?.list[0]?.ssh?.alias, "web1");
});

pure("a pattern of HOSTS without a match is a fault", () => {
  const faults = (env: Environment) => faultsOf({ HOST: undefined, ...env }, machine());
  assert.match(
    faults({ HOSTS: "web1,nothing*" })[0]?.message ?? "",
    /HOSTS has the pattern "nothing\*"/,
  );
  assert.match(faults({ HOSTS: "web*", SSH_CONFIG: "none" })[0]?.message ?? "", /matches no name/);
  assert.match(faults({ HOSTS: "me@web1" })[0]?.message ?? "", /^HOSTS must be host names/);
});

pure("a host that cannot be used stays in the list with the reason", () => {
  const { hosts, ssh } = named({ HOSTS: "db1,web1,web2" });
  const [db1] = hosts?.list ?? [];
  assert.equal(db1?.ssh, undefined);
  assert.match(db1?.fault?.message ?? "", /ProxyCommand/);
  assert.equal(ssh.alias, "web1");
  assert.equal(usableHosts({ ssh, ...(hosts ? { hosts } : {}) }).length, 2);
});

pure("HOST stays in the list too, with the reason, as long as another host can be used", () => {
  const { hosts, ssh } = named({ HOST: "db1", HOSTS: "web1" });
  assert.equal(hosts?.defaultName, "db1");
  assert.match(hosts?.list[0]?.fault?.message ?? "", /ProxyCommand/);
  assert.equal(ssh.alias, "web1");
  const none = { HOST: "db1", HOSTS: "db2", SSH_PASSWORD: undefined };
  const texts = { "/home/me/.ssh/config": "Host db1 db2\n  ProxyCommand nc %h %p\n" };
  assert.deepEqual(
    faultsOf(none, fakeMachine({ texts })).map(({ message }) => message.slice(0, 18)),
    ["db1 cannot be used", "db2 cannot be used"],
  );
});

pure("the login of HOST is not used for other hosts of the SSH configuration", () => {
  const { hosts } = named({
    HOST: "web1",
    HOSTS: "web2",
    SSH_USERNAME: "admin",
    SSH_PORT: "99",
    SSH_PASSWORD: "for web1 only",
  });
  const [web1, web2] = hosts?.list.map(({ ssh }) => ssh) ?? [];
  assert.deepEqual([web1?.username, web1?.port], ["admin", 99]);
  assert.equal(web1?.login.kind, "password");
  assert.equal(web2?.port, 2222);
  assert.doesNotMatch(JSON.stringify(web2), /for web1 only/);
});

pure(
  "the login of HOST is not used for hosts that a pattern or Match of the SSH configuration names",
  () => {
    const texts = {
      "/home/me/.ssh/config": `
Host app? !app9
  User deploy
  IdentityFile ~/.ssh/id_app
Match originalhost batch
  IdentityFile ~/.ssh/id_app
Host *
  Compression yes
`,
      "/home/me/.ssh/id_app": "key",
    };
    const env = { HOST: "main", HOSTS: "app1,batch,app9,10.0.0.7", SUDO_PASSWORD: "for main only" };
    const { hosts } = configOf({ ...env, SSH_USERNAME: "admin" }, fakeMachine({ texts }));
    assert.deepEqual(
      hosts?.list.map(({ name, ssh }) => [name, ssh?.login.kind, ssh?.sudo]),
      [
        ["main", "password", { password: "for main only" }],
        ["app1", "key", undefined],
        ["batch", "key", undefined],
        ["app9", "password", { password: "for main only" }],
        ["10.0.0.7", "password", { password: "for main only" }],
      ],
    );
    assert.equal(hosts?.list[1]?.ssh?.username, "deploy");
  },
);

pure("a host has secrets of its own, which are secrets of the configuration", () => {
  const { hosts, secrets } = named({
    HOSTS: "web1,web-3",
    SSH_PASSWORD_WEB_3: "third password",
    SSH_KEY_PASSPHRASE_WEB1: "first passphrase",
  });
  const [web1, web3] = hosts?.list.map(({ ssh }) => ssh) ?? [];
  assert.match(JSON.stringify(web1), /first passphrase/);
  assert.deepEqual(web3?.login, { kind: "password", password: "third password" });
  assert.doesNotMatch(JSON.stringify(web3), /first passphrase/);
  for (const secret of ["third password", "first passphrase"]) assert.ok(secrets.includes(secret));
});

pure("two hosts that share the name of a secret are a fault if it is set", () => {
  const env = { ...ADDRESSES, HOSTS: "web-1,web_1" };
  assert.equal(configOf(env).hosts?.list.length, 2);
  assert.match(
    faultsOf({ ...env, SSH_PASSWORD_WEB_1: "x" })[0]?.message ?? "",
    /^SSH_PASSWORD_WEB_1 could be the password of web-1 or of web_1/,
  );
  assert.match(
    faultsOf({ ...env, SUDO_PASSWORD_WEB_1: "x" })[0]?.message ?? "",
    /^SUDO_PASSWORD_WEB_1 could be the password of web-1 or of web_1/,
  );
});

pure("a jump host that shares the name of a secret with a host is a fault if it is set", () => {
  const texts = {
    "/home/me/.ssh/config": "Host web-1\n  ProxyJump web.1\nHost web.1\n  HostName 10.0.0.1\n",
  };
  const faults = (env: Environment) =>
    faultsOf({ HOST: "web-1", SSH_PASSWORD: undefined, ...env }, fakeMachine({ texts }));
  const [fault] = faults({ SSH_PASSWORD_WEB_1: "x" });
  assert.match(
    fault?.message ?? "",
    /^SSH_PASSWORD_WEB_1 could be the password of web-1 or of web\.1/,
  );
  // A jump host has no sudo. It has no login here, which is the only fault.
  const others = faults({ SUDO_PASSWORD_WEB_1: "x", SSH_PASSWORD: "y" });
  assert.deepEqual(others.map(({ message }) => message.slice(0, 15)), ["Jump host web.1"]);
});

pure("the password of sudo of a single host is one line", () => {
  const [fault] = faultsOf({ ...ADDRESSES, SUDO_PASSWORD_WEB1: "first\nsecond" });
  assert.equal(fault?.message, "SUDO_PASSWORD_WEB1 must be one line");
});

pure("ENABLE_PROXMOX is for HOST, and PROXMOX_HOSTS for hosts of the list", () => {
  const nodes = (env: Environment) =>
    configOf({ ...ADDRESSES, ...env }).hosts?.list.filter(({ proxmox }) => proxmox)
      .map(({ name }) => name);
  assert.deepEqual(nodes({}), []);
  assert.equal(configOf(ADDRESSES).proxmox, false);
  assert.deepEqual(nodes({ HOST: "web1", ENABLE_PROXMOX: "true" }), ["web1"]);
  assert.deepEqual(nodes({ PROXMOX_HOSTS: "web*" }), ["web1", "web2"]);
  const config = configOf({ ...ADDRESSES, PROXMOX_HOSTS: "web2" });
  assert.ok(config.offer.tools.includes("proxmox_list_vms"));
  const fault = (env: Environment) => faultsOf({ ...ADDRESSES, ...env })[0]?.message ?? "";
  assert.match(fault({ ENABLE_PROXMOX: "true" }), /^ENABLE_PROXMOX is for HOST/);
  assert.match(fault({ PROXMOX_HOSTS: "pve" }), /^PROXMOX_HOSTS names "pve"/);
});
