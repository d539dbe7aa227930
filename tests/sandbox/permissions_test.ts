import assert from "node:assert/strict";
import type { Environment } from "../../src/config/environment.ts";
import {
  describeAccess,
  formatPermissions,
  hostAndPort,
  permissionTable,
  type WorkerName,
} from "../../src/sandbox/permissions.ts";
import { toDenoPermissions } from "../../src/sandbox/deno_permissions.ts";
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
  "read only": { READ_ONLY: "true", SSH_KEY: "/keys/id", ...IMAGEKIT, ...R2 },
  "read only proxmox": { READ_ONLY: "true", SSH_KEY: "/keys/id", ENABLE_PROXMOX: "true" },
  "only commands": { TOOLS: "ssh_exec_command", ALLOWED_DIRECTORIES: "/more", ...R2 },
  "no downloads": {
    TOOLS: "ssh,-ssh_download_file,-ssh_download_directory",
    ALLOWED_DIRECTORIES: "/more",
  },
  "no uploads": { TOOLS: "-ssh_upload_file", ALLOWED_DIRECTORIES: "/more" },
  "links without new ones": {
    TOOLS: "-generate_download_link",
    DOWNLOAD_TLS_CERT: "/tls/cert.pem",
    DOWNLOAD_TLS_KEY: "/tls/key.pem",
  },
  "one of two bridges": { TOOLS: "-exchange", ...IMAGEKIT, ...R2 },
  "several hosts": {
    HOST: "web1",
    HOSTS: "web2,db1",
    SSH_KEY: "/keys/id",
    ALLOWED_DIRECTORIES: "/more",
    SSH_CONFIG: "none",
  },
  "exchange without files": { TOOLS: "exchange_list,exchange_share", ...R2 },
};

Deno.test("permissionTable() returns these permissions and no others", () => {
  const tables = Object.entries(CONFIGURATIONS).map(([name, env]) =>
    [name, permissionTable(configOf(env, machine()), ["/program/src"])] as const
  );
  assertSnapshot("sandbox/__snapshots__/permissions", Object.fromEntries(tables));
});

for (const [name, env] of Object.entries(CONFIGURATIONS)) {
  pure(`permissionTable() names every permission one by one (${name})`, () => {
    for (const row of permissionTable(configOf(env, machine()), [])) {
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
  assert.deepEqual(workers({ ...IMAGEKIT, TOOLS: "-imagekit" }), ["ssh", "downloads"]);
  assert.deepEqual(workers({ ...R2, TOOLS: "-links" }), ["ssh", "transfers"]);
});

pure("permissionTable() permits only what an offered tool needs", () => {
  const row = (wanted: WorkerName, env: Environment) => {
    const table = permissionTable(configOf({ WORKING_DIRECTORY: "/data", ...env }, machine()));
    return table.find(({ worker }) => worker === wanted) ?? assert.fail(wanted);
  };
  const mayUse = (env: Environment) => {
    const { read, write } = row("ssh", env);
    return [read.includes("/data"), write.includes("/data")];
  };
  assert.deepEqual(mayUse({}), [true, true]);
  assert.deepEqual(mayUse({ TOOLS: "-ssh_download_file,-ssh_download_directory" }), [true, false]);
  assert.deepEqual(mayUse({ TOOLS: "ssh_exec_command" }), [false, false]);
  assert.deepEqual(mayUse({ TOOLS: "ssh_upload_file" }), [true, false]);
  assert.deepEqual(mayUse({ TOOLS: "ssh_upload_directory" }), [true, false]);
  assert.deepEqual(mayUse({ TOOLS: "ssh_download_directory" }), [true, true]);
  assert.deepEqual(mayUse({ READ_ONLY: "true", ENABLE_PROXMOX: "true" }), [false, false]);
  assert.deepEqual(mayUse({ ...R2, TOOLS: "-ssh,-exchange_download" }), [true, false]);
  assert.deepEqual(mayUse(IMAGEKIT), [false, false]);
  assert.deepEqual(mayUse({ TOOLS: "ssh_read_file,ssh_edit_file" }), [false, false]);
  const nothing = { net: [], read: [], write: [] };
  const readOnly = { READ_ONLY: "true", SSH_KEY: "/keys/id", TOOLS: "-ssh" };
  assert.deepEqual(row("ssh", readOnly), { worker: "ssh", ...nothing });
  assert.deepEqual(row("downloads", readOnly), { worker: "downloads", ...nothing });
  assert.deepEqual(row("transfers", { ...IMAGEKIT, ...R2, TOOLS: "exchange_list" }).net, [
    "account.r2.cloudflarestorage.com:443",
  ]);
});

pure("describeAccess() shows READ_ONLY and TOOLS when they are set", () => {
  const shown = (env: Environment) => describeAccess(configOf(env, machine()));
  assert.match(shown({}), /^worker ssh\n/);
  assert.ok(
    shown({ TOOLS: "SSH, -ssh_exec_command" }).startsWith(
      "offered tools\n  READ_ONLY  false\n  TOOLS      ssh, -ssh_exec_command\n" +
        "  tools      ssh_upload_file, ssh_download_file, ssh_read_file, ssh_write_file, ssh_edit_file, " +
        "ssh_list_directory, ssh_start_job, ssh_job_output, ssh_list_jobs, ssh_stop_job, " +
        "ssh_upload_directory, ssh_download_directory\nworker ssh\n",
    ),
  );
  assert.match(
    shown({ READ_ONLY: "true" }),
    /^ {2}READ_ONLY {2}true\n {2}TOOLS {6}all\n {2}tools {6}ssh_read_file, ssh_list_directory, ssh_job_output, ssh_list_jobs, list_download_stats\n/m,
  );
  assert.match(shown({ TOOLS: "proxmox" }), /^ {2}tools {6}none\n/m);
});

pure("describeAccess() shows a row for each of several hosts, and why one cannot be used", () => {
  const texts = {
    "/home/me/.ssh/config": "Host web1\n  HostName 10.0.0.1\n  IdentityFile /keys/id\n" +
      "Host old\n  ProxyCommand nc %h %p\n",
  };
  const env = { HOST: undefined, HOSTS: "web1,old,10.0.0.2", TOOLS: "ssh_exec_command" };
  const shown = describeAccess(configOf(env, fakeMachine({ texts, files: ["/keys/id"] })));
  assert.match(
    shown,
    /^worker host web1\n {2}net {4}10\.0\.0\.1:22 \(\/home\/me\/\.ssh\/config:2\)\n/m,
  );
  assert.match(shown, /^worker host old\n {2}unusable {3}.*ProxyCommand.*\n {2}net {4}none\n/m);
  assert.match(shown, /^worker host 10\.0\.0\.2\n {2}net {4}10\.0\.0\.2:22\n/m);
  assert.match(shown, /^worker launcher\n {2}net {4}10\.0\.0\.1:22, 10\.0\.0\.2:22\n/m);
});

pure("permissionTable() gives the launcher what its hosts have together, and its modules", () => {
  const table = permissionTable(configOf(CONFIGURATIONS["several hosts"], machine()), ["/src"]);
  const [launcher, ...rows] = table.filter(({ worker }) => ["launcher", "ssh"].includes(worker));
  assert.deepEqual(launcher?.net, ["web1:22", "web2:22", "db1:22"]);
  assert.deepEqual(rows.map(({ net }) => net), [["web1:22"], ["web2:22"], ["db1:22"]]);
  const all = (kind: "read" | "write") => [...new Set(rows.flatMap((row) => row[kind]))];
  assert.deepEqual(launcher?.read, ["/src", ...all("read")]);
  assert.deepEqual(launcher?.write, all("write"));
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
