import assert from "node:assert/strict";
import type { Environment } from "../../src/config/given.ts";
import {
  formatPermissions,
  hostAndPort,
  permissionTable,
  type WorkerName,
} from "../../src/sandbox/permissions.ts";
import { toDenoPermissions } from "../../src/sandbox/spawn.ts";
import { configOf, fakeMachine } from "../support/config.ts";
import { pure } from "../support/pure.ts";
import { assertSnapshot } from "../support/snapshot.ts";

const machine = () =>
  fakeMachine({
    files: ["/keys/id", "/tls/cert.pem", "/tls/key.pem"],
    directories: ["/data", "/more"],
  });

const IMAGEKIT = {
  ENABLE_IMAGEKIT: "true",
  IMAGEKIT_PUBLIC_KEY: "public_x",
  IMAGEKIT_PRIVATE_KEY: "private_x",
  IMAGEKIT_URL_ENDPOINT: "https://ik.imagekit.io/me",
};
const R2 = {
  R2_ACCOUNT_ID: "account",
  R2_ACCESS_KEY: "access",
  R2_SECRET_KEY: "secret",
  R2_BUCKET: "bucket",
};

const CONFIGURATIONS: Readonly<Record<string, Environment>> = {
  core: {},
  key: { SSH_KEY: "/keys/id", SSH_PORT: "2222", SSH_KNOWN_HOSTS: "/etc/hosts_known" },
  agent: { SSH_PASSWORD: undefined, SSH_AUTH_SOCK: "/run/agent.sock" },
  ipv6: { HOST: "fe80::1" },
  directories: { WORKING_DIRECTORY: "/data", ALLOWED_DIRECTORIES: "/more" },
  proxmox: { ENABLE_PROXMOX: "true" },
  imagekit: IMAGEKIT,
  r2: R2,
  "r2 at home": { ...R2, R2_ENDPOINT: "http://127.0.0.1:9000" },
  "both bridges": { ...IMAGEKIT, ...R2 },
  "links with tls": {
    DOWNLOAD_HOST: "0.0.0.0",
    DOWNLOAD_PORT: "8443",
    DOWNLOAD_TLS_CERT: "/tls/cert.pem",
    DOWNLOAD_TLS_KEY: "/tls/key.pem",
    BASE_URL: "https://files.example.org",
  },
};

Deno.test("permissionTable() returns these permissions and no others", () => {
  const tables = Object.entries(CONFIGURATIONS).map(([name, env]) =>
    [name, permissionTable(configOf(env, machine()))] as const
  );
  assertSnapshot("sandbox/__snapshots__/permissions", Object.fromEntries(tables));
});

for (const [name, env] of Object.entries(CONFIGURATIONS)) {
  pure(`permissionTable() names every permission one by one (${name})`, () => {
    for (const row of permissionTable(configOf(env, machine()))) {
      for (const target of row.net) assert.match(target, /^.+:\d+$|^unix:\//);
      for (const path of [...row.read, ...row.write]) assert.match(path, /^\/./);
      const { net, read, write, ...others } = toDenoPermissions(row);
      assert.deepEqual(others, { env: false, run: false, sys: false, ffi: false, import: false });
      for (const list of [net, read, write]) {
        assert.ok(list === false || (Array.isArray(list) && list.length > 0));
      }
    }
  });
}

pure("permissionTable() has no row for a worker that the configuration does not need", () => {
  const workers = (env: Environment): WorkerName[] =>
    permissionTable(configOf(env, machine())).map(({ worker }) => worker);
  assert.deepEqual(workers({}), ["ssh", "downloads"]);
  assert.deepEqual(workers(IMAGEKIT), ["ssh", "transfers", "downloads"]);
  assert.deepEqual(workers({ ...IMAGEKIT, ENABLE_IMAGEKIT: "false" }), ["ssh", "downloads"]);
});

pure("formatPermissions() shows every permission of the table", () => {
  const table = permissionTable(configOf(CONFIGURATIONS["both bridges"], machine()));
  const text = formatPermissions(table);
  for (const row of table) {
    assert.match(text, new RegExp(`^worker ${row.worker}$`, "m"));
    for (const value of [...row.net, ...row.read, ...row.write]) assert.ok(text.includes(value));
  }
  assert.match(text, /^main isolate\n {2}all permissions dropped before the first message$/m);
  assert.equal(text.match(/env, run, sys, ffi, import {3}none/g)?.length, table.length);
});

pure("hostAndPort() puts IPv6 addresses in brackets", () => {
  assert.equal(hostAndPort("::1", 22), "[::1]:22");
  assert.equal(hostAndPort("server", 22), "server:22");
});
