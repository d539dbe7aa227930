import assert from "node:assert/strict";
import { formatFaults } from "../../src/config/faults.ts";
import type { Origin } from "../../src/config/origin.ts";
import { loadConfig } from "../../src/config/load.ts";
import { BASIC, configOf, CORE, fakeMachine, faultsOf } from "../support/config.ts";
import { type Variable, VARIABLES } from "../../src/config/variables/variables.ts";
import { pure } from "../support/pure.ts";

const R2 = {
  R2_ACCESS_KEY: "access",
  R2_SECRET_KEY: "secret",
  R2_BUCKET: "bucket",
  R2_ACCOUNT_ID: "account",
};
const IMAGEKIT = {
  ENABLE_IMAGEKIT: "true",
  IMAGEKIT_PUBLIC_KEY: "public",
  IMAGEKIT_PRIVATE_KEY: "private",
  IMAGEKIT_URL_ENDPOINT: "https://ik.imagekit.io/me",
};

const fromFile = (file: string, ...names: string[]): Origin => ({ file, names, remarks: [] });

pure("loadConfig() fills in every default", () => {
  const { downloads, ...config } = configOf();
  assert.deepEqual(config, {
    ssh: {
      host: "server.example",
      port: 22,
      username: "root",
      login: { kind: "password", password: "correct horse" },
      knownHostsPaths: ["/home/me/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"],
      strictHostKeyChecking: true,
    },
    limits: { characterLimit: 25_000, maxFileBytes: 10_485_760, timeoutMs: 30_000 },
    jobs: { answerWithinMs: 45_000, maxOutputBytes: 1_000_000_000, keepMs: 259_200_000 },
    directories: { maxEntries: 20_000, maxBytes: 2_000_000_000 },
    files: {
      workingDirectory: "/home/me/project",
      roots: ["/home/me/project"],
      aliases: [],
      own: [
        "/home/me/project/.env",
        "/home/me/.ssh/known_hosts",
        "/etc/ssh/ssh_known_hosts",
      ],
    },
    auditLog: undefined,
    logLevel: "info",
    proxmox: false,
    imageKit: undefined,
    r2: undefined,
    offer: {
      readOnly: false,
      words: [],
      tools: CORE,
    },
    secrets: ["correct horse"],
    notices: [],
    origin: { file: undefined, names: [], remarks: [] },
  });
  assert.deepEqual({ ...downloads, sessionId: "" }, {
    host: "127.0.0.1",
    port: 8000,
    portIsFixed: false,
    baseUrl: undefined,
    sessionId: "",
    apiKey: undefined,
    maxBytes: 104_857_600,
    tls: undefined,
    bindAddress: false,
  });
  assert.match(downloads.sessionId, /^[0-9a-f-]{36}$/);
});

pure("loadConfig() reads every core variable", () => {
  const config = configOf({
    SSH_PORT: "2222",
    SSH_USERNAME: "deploy",
    SSH_STRICT_HOST_KEY_CHECKING: "false",
    SSH_KNOWN_HOSTS: "~/hosts",
    CHARACTER_LIMIT: "1000",
    MAX_FILE_SIZE: "2000",
    TIMEOUT: "5",
    AUDIT_LOG: "audit.jsonl",
    LOG_LEVEL: "Debug",
    ENABLE_PROXMOX: "TRUE",
  });
  assert.deepEqual(config.ssh, {
    host: "server.example",
    port: 2222,
    username: "deploy",
    login: { kind: "password", password: "correct horse" },
    knownHostsPaths: ["/home/me/hosts", "/etc/ssh/ssh_known_hosts"],
    strictHostKeyChecking: false,
  });
  assert.deepEqual(config.limits, { characterLimit: 1000, maxFileBytes: 2000, timeoutMs: 5000 });
  assert.equal(config.auditLog, "/home/me/project/audit.jsonl");
  assert.equal(config.logLevel, "debug");
  assert.equal(config.proxmox, true);
});

pure("loadConfig() treats an empty variable as not set", () => {
  assert.equal(configOf({ SSH_PORT: "", TIMEOUT: "", SSH_KEY: "" }).ssh.port, 22);
});

pure("loadConfig() requires the risks to be accepted, in the words of the disclaimer", () => {
  for (const given of [undefined, "", "false", "FALSE"]) {
    const faults = faultsOf({ I_ACCEPT_RISKS: given });
    assert.equal(faults.length, 1);
    assert.match(faults[0]?.message ?? "", /^You must explicitly accept the risks before using/);
    assert.match(faults[0]?.message ?? "", /Set environment variable: I_ACCEPT_RISKS=true\n/);
    assert.match(faults[0]?.message ?? "", /See README DISCLAIMER section for full details\.$/);
  }
  assert.equal(configOf({ I_ACCEPT_RISKS: "TRUE" }).ssh.host, "server.example");
});

pure("loadConfig() requires a host", () => {
  assert.deepEqual(faultsOf({ HOST: undefined }), [{
    message: "No SSH host configuration found. Set HOST environment variable",
    remedy: "Set HOST to the name or address of the SSH host",
  }]);
});

pure("loadConfig() reports an impossible host once", () => {
  const faults = faultsOf({ HOST: "root@server" });
  assert.equal(faults.length, 1);
  assert.match(
    faults[0]?.message ?? "",
    /^HOST must be a host name or an IP address.*: got a value that is not shown$/,
  );
});

pure("loadConfig() requires a way to log in", () => {
  const [fault] = faultsOf({ SSH_PASSWORD: undefined });
  assert.equal(
    fault?.message,
    "No authentication configured. Set SSH_PASSWORD or SSH_KEY environment variable",
  );
  assert.match(fault?.remedy ?? "", /SSH_KEY.*SSH_PASSWORD.*SSH_AUTH_SOCK/);
});

pure("loadConfig() names a missing key file", () => {
  const [fault] = faultsOf({ SSH_KEY: "~/.ssh/id_none" });
  assert.equal(
    fault?.message,
    "SSH key file not found: ~/.ssh/id_none. Verify SSH_KEY environment variable points to a valid private key file.",
  );
});

pure("loadConfig() prefers the key to the password and both to the agent", () => {
  const machine = fakeMachine({ files: ["/home/me/.ssh/id"] });
  const agent = { SSH_AUTH_SOCK: "/run/agent.sock" };
  assert.deepEqual(
    configOf({ ...agent, SSH_KEY: "~/.ssh/id", SSH_KEY_PASSPHRASE: "open" }, machine).ssh.login,
    { kind: "key", path: "/home/me/.ssh/id", passphrase: "open" },
  );
  assert.equal(configOf(agent).ssh.login.kind, "password");
  assert.deepEqual(configOf({ ...agent, SSH_PASSWORD: undefined }).ssh.login, {
    kind: "agent",
    socket: "/run/agent.sock",
  });
});

pure("loadConfig() follows a key file that is a link", () => {
  const machine = fakeMachine({
    files: ["/secrets/id"],
    links: { "/home/me/.ssh/id": "/secrets/id" },
  });
  const { login } = configOf({ SSH_KEY: "/home/me/.ssh/id" }, machine).ssh;
  assert.deepEqual(login, { kind: "key", path: "/secrets/id", passphrase: undefined });
});

const MISTAKES: readonly (readonly [string, string, RegExp])[] = [
  ["I_ACCEPT_RISKS", "yes", /^I_ACCEPT_RISKS must be true or false: got "yes"$/],
  ["SSH_PORT", "ssh", /^SSH_PORT must be a whole number from 1 to 65535: got "ssh"$/],
  ["SSH_PORT", "0", /^SSH_PORT must be/],
  ["SSH_STRICT_HOST_KEY_CHECKING", "no", /^SSH_STRICT_HOST_KEY_CHECKING must be true or false/],
  ["CHARACTER_LIMIT", "many", /^CHARACTER_LIMIT must be a whole number from 100 to 10000000/],
  ["MAX_FILE_SIZE", "10MB", /^MAX_FILE_SIZE must be a whole number/],
  ["TIMEOUT", "301", /^TIMEOUT must be a whole number from 1 to 300: got "301"$/],
  ["WORKING_DIRECTORY", "/none", /^WORKING_DIRECTORY names "\/none", which is not a directory$/],
  [
    "ALLOWED_DIRECTORIES",
    "/none",
    /^ALLOWED_DIRECTORIES names "\/none", which is not a directory$/,
  ],
  ["AUDIT_LOG", "/none/a.jsonl", /^AUDIT_LOG names "\/none\/a.jsonl", whose directory is missing$/],
  ["AUDIT_LOG", ".", /^AUDIT_LOG names ".", which is a directory$/],
  ["LOG_LEVEL", "loud", /^LOG_LEVEL must be one of debug, info, warn, error: got "loud"$/],
  ["ENABLE_PROXMOX", "1", /^ENABLE_PROXMOX must be true or false: got "1"$/],
  ["ENABLE_IMAGEKIT", "on", /^ENABLE_IMAGEKIT must be true or false/],
  ["IMAGEKIT_URL_ENDPOINT", "ik.imagekit.io/me", /^IMAGEKIT_URL_ENDPOINT must be an http/],
  ["IMAGEKIT_FOLDER", "/a b", /^IMAGEKIT_FOLDER must be a folder/],
  ["IMAGEKIT_TRANSFER_TIMEOUT", "0", /^IMAGEKIT_TRANSFER_TIMEOUT must be a whole number from 1/],
  ["R2_BUCKET", "a/b", /^R2_BUCKET must consist of/],
  ["R2_ENDPOINT", "s3.example", /^R2_ENDPOINT must be an http/],
  ["EXCHANGE_MAX_SIZE", "20GB", /^EXCHANGE_MAX_SIZE must be/],
  [
    "DOWNLOAD_HOST",
    "files.example",
    /^DOWNLOAD_HOST must be an IP address of this machine, or localhost/,
  ],
  ["DOWNLOAD_PORT", "70000", /^DOWNLOAD_PORT must be a whole number from 1 to 65535/],
  ["BASE_URL", "example.org", /^BASE_URL must be an http/],
  ["SESSION_ID", "a/b", /^SESSION_ID must consist of/],
  ["DOWNLOAD_BIND_IP", "maybe", /^DOWNLOAD_BIND_IP must be true or false/],
];

for (const [name, value, expected] of MISTAKES) {
  pure(`loadConfig() names ${name} when it is "${value}", and what to do`, () => {
    const faults = faultsOf({ [name]: value });
    const fault = faults.find(({ message }) => expected.test(message));
    assert.ok(fault !== undefined, JSON.stringify(faults));
    assert.match(fault.remedy, new RegExp(name));
  });
}

pure("loadConfig() reports all faults at once", () => {
  const loaded = loadConfig(
    { SSH_PORT: "x", TIMEOUT: "0", ENABLE_PROXMOX: "maybe", SSH_KEY: "/none" },
    fakeMachine(),
  );
  assert.equal(loaded.ok, false);
  const text = loaded.ok ? "" : formatFaults(loaded.faults);
  for (
    const expected of [
      /^SSH_PORT must be/m,
      /^TIMEOUT must be/m,
      /^ENABLE_PROXMOX must be/m,
      /^You must explicitly accept the risks/m,
      /^No SSH host configuration found/m,
      /^SSH key file not found: \/none/m,
    ]
  ) assert.match(text, expected);
  assert.equal(text.match(/^ {2}-> /gm)?.length, 6);
});

pure("loadConfig() reports every wrong directory and file, not only the first", () => {
  const names = faultsOf({
    WORKING_DIRECTORY: "/none3",
    ALLOWED_DIRECTORIES: "/none1:/none2",
    DOWNLOAD_TLS_CERT: "/none4",
    DOWNLOAD_TLS_KEY: "/none5",
  }).map(({ message }) => message);
  assert.deepEqual(names, [
    'WORKING_DIRECTORY names "/none3", which is not a directory',
    'ALLOWED_DIRECTORIES names "/none1", which is not a directory',
    'ALLOWED_DIRECTORIES names "/none2", which is not a directory',
    'DOWNLOAD_TLS_CERT names "/none4", which is not a file',
    'DOWNLOAD_TLS_KEY names "/none5", which is not a file',
  ]);
});

pure("loadConfig() never shows a secret's value", () => {
  // No parser refuses a secret, so each one is set next to a fault of another variable.
  const env = {
    SSH_PASSWORD: "pass-1234",
    SSH_KEY_PASSPHRASE: "phrase-1234",
    IMAGEKIT_PRIVATE_KEY: "private-1234",
    R2_SECRET_KEY: "r2-1234",
    DOWNLOAD_API_KEY: "api-key-of-links-1234",
  };
  assert.doesNotMatch(formatFaults(faultsOf({ ...env, SSH_PORT: "x" })), /1234/);
  assert.deepEqual(
    [...configOf(env).secrets].sort(),
    Object.values(env).sort(),
  );
});

pure("loadConfig() creates ~/mcp-files when it is started in the root", () => {
  const machine = fakeMachine({ cwd: "/" });
  const { workingDirectory, roots } = configOf({}, machine).files;
  assert.deepEqual([workingDirectory, ...roots], Array(2).fill("/home/me/mcp-files"));
  assert.deepEqual(machine.made, ["/home/me/mcp-files"]);
});

pure("loadConfig() requires WORKING_DIRECTORY when ~/mcp-files cannot be created", () => {
  const machine = {
    ...fakeMachine({ cwd: "/" }),
    makeDirectory() {
      throw new Deno.errors.AlreadyExists("File exists (os error 17)");
    },
  };
  assert.deepEqual(faultsOf({}, machine), [{
    message: "WORKING_DIRECTORY is not set, the current directory is the root, and " +
      "/home/me/mcp-files cannot be created: File exists (os error 17)",
    remedy: "Set WORKING_DIRECTORY to the directory for local files",
  }]);
});

pure(
  "loadConfig() requires WORKING_DIRECTORY when it is started in the root without a home",
  () => {
    const [fault] = faultsOf({}, fakeMachine({ cwd: "/", home: undefined }));
    assert.match(
      fault?.message ?? "",
      /^WORKING_DIRECTORY is not set, the current directory is the root/,
    );
    assert.match(fault?.remedy ?? "", /^Set WORKING_DIRECTORY/);
  },
);

pure("loadConfig() works without a home", () => {
  const config = configOf({}, fakeMachine({ home: undefined }));
  assert.deepEqual(config.ssh.knownHostsPaths, ["/etc/ssh/ssh_known_hosts"]);
});

pure("loadConfig() names a path with ~ when there is no home", () => {
  const [fault] = faultsOf({ SSH_KNOWN_HOSTS: "~/hosts" }, fakeMachine({ home: undefined }));
  assert.equal(
    fault?.message,
    '"~/hosts" cannot be expanded: the home directory is not known',
  );
  assert.equal(fault?.remedy, "Write the absolute path, or set HOME");
});

pure("loadConfig() expands ~ in every path", () => {
  const machine = fakeMachine({
    files: ["/home/me/id", "/home/me/cert.pem", "/home/me/key.pem"],
    directories: ["/home/me/work", "/home/me/more"],
  });
  const config = configOf({
    SSH_KEY: "~/id",
    SSH_KNOWN_HOSTS: "~/hosts",
    WORKING_DIRECTORY: "~/work",
    ALLOWED_DIRECTORIES: "~/more",
    AUDIT_LOG: "~/audit",
    DOWNLOAD_TLS_CERT: "~/cert.pem",
    DOWNLOAD_TLS_KEY: "~/key.pem",
  }, machine);
  assert.deepEqual(config.ssh.login, { kind: "key", path: "/home/me/id", passphrase: undefined });
  assert.equal(config.ssh.knownHostsPaths[0], "/home/me/hosts");
  assert.deepEqual(config.files.roots, ["/home/me/work", "/home/me/more"]);
  assert.equal(config.auditLog, "/home/me/audit");
  assert.deepEqual(config.downloads.tls, {
    certPath: "/home/me/cert.pem",
    keyPath: "/home/me/key.pem",
  });
});

pure("loadConfig() reads ALLOWED_DIRECTORIES as a path list, without repetition", () => {
  const machine = fakeMachine({ directories: ["/a", "/b"], links: { "/link": "/a" } });
  assert.deepEqual(
    configOf({ ALLOWED_DIRECTORIES: "/a::/b:/link:/home/me/project" }, machine).files.roots,
    ["/home/me/project", "/a", "/b"],
  );
});

pure("loadConfig() keeps the names of directories as written in the variables", () => {
  const machine = fakeMachine({
    directories: ["/data/project", "/b"],
    links: { "/short": "/data/project" },
  });
  const { files } = configOf({ WORKING_DIRECTORY: "/short", ALLOWED_DIRECTORIES: "/b" }, machine);
  assert.deepEqual(files.roots, ["/data/project", "/b"]);
  assert.deepEqual(files.aliases, [{ path: "/short", real: "/data/project" }]);
});

const WINDOWS = { windows: true, cwd: "C:\\work", home: "C:\\Users\\me" };

pure("loadConfig() looks for known hosts where Windows keeps them", () => {
  const known = (env = {}) => configOf(env, fakeMachine(WINDOWS)).ssh.knownHostsPaths;
  const own = "C:\\Users\\me\\.ssh\\known_hosts";
  assert.deepEqual(known(), [own, "C:\\ProgramData\\ssh\\ssh_known_hosts"]);
  assert.deepEqual(known({ ProgramData: "D:\\Data" }), [own, "D:\\Data\\ssh\\ssh_known_hosts"]);
});

pure(
  "loadConfig() separates ALLOWED_DIRECTORIES by ; on Windows, where : is part of a path",
  () => {
    const machine = fakeMachine({ ...WINDOWS, directories: ["D:\\in", "E:\\out"] });
    assert.deepEqual(
      configOf({ ALLOWED_DIRECTORIES: "D:\\in;E:\\out" }, machine).files.roots,
      ["C:\\work", "D:\\in", "E:\\out"],
    );
  },
);

pure("loadConfig() uses a directory in the home instead of the root of a Windows drive", () => {
  const machine = fakeMachine({ ...WINDOWS, cwd: "C:\\" });
  assert.equal(
    configOf({}, machine).files.workingDirectory,
    "C:\\Users\\me\\mcp-files",
  );
});

pure("loadConfig() reads the older names of the R2 variables, and prefers the new ones", () => {
  const old = {
    ETPHONEHOME_R2_ACCOUNT_ID: "account",
    ETPHONEHOME_R2_ACCESS_KEY: "access",
    ETPHONEHOME_R2_SECRET_KEY: "secret-1",
    ETPHONEHOME_R2_BUCKET: "bucket",
    ETPHONEHOME_R2_REGION: "eu",
  };
  const config = configOf(old);
  assert.deepEqual(config.r2, {
    accessKey: "access",
    secretKey: "secret-1",
    bucket: "bucket",
    region: "eu",
    endpoint: "https://account.r2.cloudflarestorage.com",
    clientId: "server",
    maxFileBytes: 20_000_000_000,
  });
  assert.ok(config.secrets.includes("secret-1"));
  assert.equal(configOf({ ...old, R2_BUCKET: "newer" }).r2?.bucket, "newer");
});

pure("loadConfig() lists the server's own files, which no tool may touch", () => {
  const machine = fakeMachine({
    files: ["/home/me/project/id", "/home/me/project/cert.pem", "/home/me/project/key.pem"],
  });
  const { own } = configOf({
    SSH_KEY: "id",
    SSH_KNOWN_HOSTS: "known",
    AUDIT_LOG: "audit.jsonl",
    DOWNLOAD_TLS_CERT: "cert.pem",
    DOWNLOAD_TLS_KEY: "key.pem",
  }, machine).files;
  for (const name of [".env", "id", "known", "audit.jsonl", "cert.pem", "key.pem"]) {
    assert.ok(own.includes(`/home/me/project/${name}`), name);
  }
  const loaded = loadConfig(BASIC, machine, fromFile("/home/me/project/other.env"));
  assert.ok(loaded.ok && loaded.config.files.own.includes("/home/me/project/other.env"));
});

pure("loadConfig() lists its own files by their resolved paths too", () => {
  const machine = fakeMachine({
    cwd: "/short",
    files: ["/data/project/config/prod.env"],
    directories: ["/data/project"],
    links: { "/short/.env": "/data/project/config/prod.env", "/short": "/data/project" },
  });
  const loaded = loadConfig(
    { ...BASIC, AUDIT_LOG: "audit.jsonl" },
    machine,
    fromFile("/short/my.env"),
  );
  assert.ok(loaded.ok);
  for (const name of ["config/prod.env", "my.env", "audit.jsonl"]) {
    assert.ok(loaded.config.files.own.includes(`/data/project/${name}`), name);
  }
});

pure("loadConfig() does not repeat a key or a password that is in the wrong place", () => {
  const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n";
  const faults = faultsOf({
    SSH_KEY: key,
    R2_ENDPOINT: "https://me:correct-horse@r2.example",
    BASE_URL: "https://token@/x/@links.example?a",
  });
  assert.equal(faults.length, 3);
  const text = JSON.stringify(faults);
  assert.doesNotMatch(text, /b3Bl|correct-horse|token/);
});

const CREDENTIALS = [
  "root:S3CRETpw@1.2.3.4",
  "https:u:S3CRETpw@h",
  "https://u:a/S3CRETpw@h?x",
  "https://u:S3CRETpw%40h/",
  "https://h/?token=S3CRETpw",
  "http://h/@S3CRETpw",
];

for (const { name } of Object.values<Variable<unknown>>(VARIABLES)) {
  pure(`loadConfig() never repeats a value of ${name} that may hold credentials`, () => {
    for (const value of CREDENTIALS) {
      for (const more of [{}, R2, IMAGEKIT, { SSH_PASSWORD: undefined }]) {
        // The second variable makes sure that there is a fault.
        const faults = faultsOf({ ...more, TIMEOUT: "x", [name]: value });
        assert.doesNotMatch(formatFaults(faults), /S3CRETpw/, value);
      }
    }
  });
}

pure("loadConfig() takes a placeholder that the client did not fill in for not set", () => {
  const literal = (name: string) => `\${user_config.${name}}`;
  const config = configOf({
    SSH_KEY: literal("key"),
    SSH_PORT: literal("port"),
    WORKING_DIRECTORY: literal("directory"),
    DOWNLOAD_API_KEY: literal("api"),
  });
  assert.equal(config.ssh.login.kind, "password");
  assert.equal(config.ssh.port, 22);
  assert.equal(config.files.workingDirectory, "/home/me/project");
  assert.equal(config.downloads.apiKey, undefined);
  assert.match(faultsOf({ HOST: literal("host") })[0]?.message ?? "", /^No SSH host configuration/);
  const [fault] = faultsOf({ SSH_PASSWORD: literal("password") });
  assert.match(fault?.message ?? "", /^No authentication configured/);
});

const KINDS: readonly (readonly [string, string, RegExp])[] = [
  ["SSH_AUTH_SOCK", "/etc/passwd", /^SSH_AUTH_SOCK names "\/etc\/passwd", which is not a socket$/],
  ["SSH_AUTH_SOCK", "/", /^SSH_AUTH_SOCK names "\/", which is not a socket$/],
  ["SSH_AUTH_SOCK", "/none", /^SSH_AUTH_SOCK names "\/none", which is not a socket$/],
  ["SSH_KNOWN_HOSTS", "/", /^SSH_KNOWN_HOSTS names "\/", which is not a file$/],
  ["SSH_KNOWN_HOSTS", "~", /^SSH_KNOWN_HOSTS names "~", which is not a file$/],
  ["SSH_KNOWN_HOSTS", "/run/agent.sock", /^SSH_KNOWN_HOSTS names .*, which is not a file$/],
  ["SSH_KEY", "/", /^SSH key file not found: \/\. /],
  ["SSH_KEY", "/run/agent.sock", /^SSH key file not found: /],
  ["AUDIT_LOG", "/run/agent.sock", /^AUDIT_LOG names .*, which is not a regular file$/],
  ["DOWNLOAD_API_KEY", "x", /^DOWNLOAD_API_KEY must have at least 16 characters$/],
  ["DOWNLOAD_API_KEY", "123456789012345", /^DOWNLOAD_API_KEY must have at least 16 characters$/],
  ["DOWNLOAD_API_KEY", "               x", /^DOWNLOAD_API_KEY must have at least 16 characters$/],
  ["DOWNLOAD_API_KEY", "schlüssel-der-links", /^DOWNLOAD_API_KEY must have only ASCII characters/],
  ["DOWNLOAD_API_KEY", "api-key\tof-links-1", /^DOWNLOAD_API_KEY must have only ASCII characters/],
  ["SSH_USERNAME", "root:password", /^SSH_USERNAME must be a login name, without password/],
];

for (const [name, value, expected] of KINDS) {
  pure(`loadConfig() refuses ${name}=${value}`, () => {
    const machine = fakeMachine({ files: ["/etc/passwd"], directories: ["/", "/run"] });
    const faults = faultsOf({ SSH_PASSWORD: undefined, [name]: value }, machine);
    assert.ok(faults.some(({ message }) => expected.test(message)), JSON.stringify(faults));
  });
}

pure(
  "loadConfig() refuses an unused SSH_AUTH_SOCK that is no socket, not one whose agent has ended",
  () => {
    const machine = fakeMachine({ files: ["/etc/passwd"] });
    const [fault] = faultsOf({ SSH_AUTH_SOCK: "/etc/passwd" }, machine);
    assert.equal(fault?.message, 'SSH_AUTH_SOCK names "/etc/passwd", which is not a socket');
    assert.equal(configOf({ SSH_AUTH_SOCK: "/run/ended" }).ssh.login.kind, "password");
  },
);

pure("loadConfig() accepts an agent's pipe on Windows, and /dev/null as known_hosts", () => {
  const pipe = "\\\\.\\pipe\\openssh-ssh-agent";
  const agent = { SSH_PASSWORD: undefined, SSH_AUTH_SOCK: pipe };
  assert.deepEqual(configOf(agent, fakeMachine(WINDOWS)).ssh.login, {
    kind: "agent",
    socket: pipe,
  });
  assert.equal(configOf({ SSH_KNOWN_HOSTS: "/dev/null" }).ssh.knownHostsPaths[0], "/dev/null");
});

pure("loadConfig() names the file of each wrong value, and repeats the remarks", () => {
  const file = "/home/me/project/.env";
  const remark = { level: "info", message: "something is odd", remedy: "Look" } as const;
  const origin = { file, names: ["TIMEOUT", "WORKING_DIRECTORY", "SSH_KEY"], remarks: [remark] };
  const env = { ...BASIC, TIMEOUT: "30000", WORKING_DIRECTORY: "/none", SSH_KEY: "/none" };
  const loaded = loadConfig({ ...env, SSH_PORT: "x" }, fakeMachine(), origin);
  const messages = loaded.ok ? [] : loaded.faults.map(({ message }) => message);
  assert.equal(messages.length, 5);
  for (const name of origin.names) {
    assert.ok(messages.some((message) => message.endsWith(` (${name} from ${file})`)), name);
  }
  assert.equal(messages.find((each) => each.startsWith("SSH_PORT"))?.includes(file), false);
  assert.equal(messages.at(-1), "something is odd");
});

pure("loadConfig() lists the program among the server's own files", () => {
  const { own } = configOf({}, fakeMachine({ program: ["/app", "/cache"] })).files;
  assert.ok(own.includes("/app") && own.includes("/cache"));
});

pure("loadConfig() reads how commands become root's; a password takes precedence over SUDO", () => {
  assert.equal(configOf().ssh.sudo, undefined);
  assert.deepEqual(configOf({ SUDO: "true" }).ssh.sudo, {});
  assert.equal(configOf({ SUDO: "false" }).ssh.sudo, undefined);
  for (const env of [{}, { SUDO: "true" }, { SUDO: "false" }]) {
    const { ssh, secrets } = configOf({ SUDO_PASSWORD: "pass word", ...env });
    assert.deepEqual(ssh.sudo, { password: "pass word" });
    assert.ok(secrets.includes("pass word"));
  }
  const [fault] = faultsOf({ SUDO_PASSWORD: "two\nlines" });
  assert.equal(fault?.message, "SUDO_PASSWORD must be one line");
});
