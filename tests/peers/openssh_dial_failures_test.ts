import assert from "node:assert/strict";
import { changeAccounts, run } from "./account.ts";
import { failureOf, isRoot, openSession } from "./openssh.ts";
import { startAgent } from "../support/agent.ts";
import { peerTest, ROOT, SSH_AGENT, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";

/** Starts a TCP server that does one thing with each connection. */
function startServer(serve: (connection: Deno.Conn) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      open.push(connection);
      await serve(connection).catch(() => {});
    }
  })();
  return {
    target: {
      host: "127.0.0.1" as const,
      port: listener.addr.port,
      username: "somebody",
      keyPath: "",
      knownHostsPath: "",
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) {
        try {
          connection.close();
        } catch {
          // The server has closed it.
        }
      }
      await serving.catch(() => {});
    },
  };
}

const PASSWORD = { kind: "password", password: "secret" } as const;
const LOOSE = { login: PASSWORD, strictHostKeyChecking: false } as const;

/** Returns the failures of a command and of `doctor`, which must name the same cause. */
async function failures(
  target: Parameters<typeof openSession>[0],
  ssh = {},
  timeoutMs = 30_000,
  execMs = 60_000,
) {
  await using session = await openSession(target, { ssh: { ...LOOSE, ...ssh }, timeoutMs });
  const error = await failureOf(session.exec("true", { timeoutMs: execMs }));
  const check = (await session.host.diagnose()).at(-1);
  assert.equal(check?.ok, false);
  return { error, check, text: `${error.message} -> ${error.suggestion}` };
}

Deno.test("a host that accepts TCP and says nothing is named as such", async () => {
  await using server = startServer(() => Promise.resolve());
  const { text, check, error } = await failures(server.target, {}, 3_000, 2_000);
  assert.match(
    text,
    /^The host did not answer within 2 seconds\. .*accepted the TCP connection, but sent no SSH greeting.* -> Set SSH_PORT.*hangs/,
  );
  assert.equal(error.code, "timeout");
  assert.match(check?.detail ?? "", /accepted the TCP connection, but sent no SSH greeting/);
});

Deno.test("a server of another protocol is named as such", async () => {
  await using server = startServer(async (connection) => {
    await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    connection.close();
  });
  const { text, check } = await failures(server.target);
  assert.match(
    text,
    /it is not an SSH server; it answered: HTTP\/1\.1 400 Bad Request -> Set SSH_PORT/,
  );
  assert.match(check?.detail ?? "", /not an SSH server/);
});

Deno.test("a host that closes the connection at once is named as such", async () => {
  await using server = startServer((connection) => Promise.resolve(connection.close()));
  const { text } = await failures(server.target);
  assert.match(text, /closed the connection before its SSH greeting -> .*MaxStartups/);
});

Deno.test("a refused port and an unknown name each get their remedy", async () => {
  const server = startServer(() => Promise.resolve());
  await server[Symbol.asyncDispose]();
  const refused = await failures(server.target);
  assert.equal(refused.error.code, "unreachable");
  assert.match(
    refused.text,
    /: connection refused -> Check SSH_PORT, and that the SSH server runs/,
  );
  assert.match(refused.check?.remedy ?? "", /^Check SSH_PORT/);
  const unknown = await failures({ ...server.target, host: "none.invalid" as "127.0.0.1" });
  assert.match(unknown.text, /none\.invalid:\d+: the name .* -> Correct HOST, or check the DNS/);
});

peerTest({
  peer: SSHD,
  name: "a host without a common algorithm is named as such",
  async fn() {
    await using sshd = await startSshd({
      config: ["KexAlgorithms sntrup761x25519-sha512@openssh.com"],
    });
    const { error, check } = await failures(sshd);
    assert.equal(error.code, "unsupported");
    assert.match(error.message, /no common key exchange algorithm$/);
    assert.match(check?.remedy ?? "", /sshd_config/);
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "a host that wants a second factor is named as such",
  async fn() {
    await using sshd = await startSshd({ config: ["AuthenticationMethods publickey,password"] });
    const login = { kind: "key", path: sshd.keyPath, passphrase: undefined };
    const { error } = await failures(sshd, { login });
    assert.equal(error.code, "authentication_failed");
    assert.match(error.message, /the login was accepted, but the host also wants password$/);
    assert.match(error.suggestion, /AuthenticationMethods/);
  },
});

peerTest({
  peer: [SSHD, SSH_AGENT],
  name: "an agent with too many keys is named as such",
  async fn() {
    await using sshd = await startSshd({ loginUser: isRoot ? "root" : "user" });
    const dir = await Deno.makeTempDir({ prefix: "mre_agent_" });
    const socket = `${dir}/socket`;
    try {
      const paths = Array.from({ length: 7 }, (_, index) => `${dir}/key${index}`);
      for (const path of paths) {
        await run("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
      }
      await using _agent = await startAgent(socket, ...paths);
      const { error } = await failures(sshd, { login: { kind: "agent", socket } });
      assert.equal(error.code, "authentication_failed");
      assert.match(error.message, /ended the login after too many attempts/);
      assert.match(error.suggestion, /SSH_KEY.*ssh-add -d/);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

for (const pam of ["yes", "no"]) {
  peerTest({
    peer: [SSHD, ROOT],
    name: `an expired account is named as such, as far as the host says it (UsePAM ${pam})`,
    async fn() {
      await using sshd = await startSshd({ config: [`UsePAM ${pam}`] });
      await changeAccounts("/usr/sbin/usermod", ["--expiredate", "2020-01-01", sshd.username]);
      const key = { kind: "key", path: sshd.keyPath, passphrase: undefined };
      for (const login of [key, { kind: "password", password: sshd.password ?? "" }]) {
        const { error, check } = await failures(sshd, { login });
        assert.equal(error.code, "authentication_failed");
        // Without PAM only the log of the host says why.
        const said = pam === "yes"
          ? /: the host closed the connection during the login; the host says: Your account has expired/
          : /^Authentication failed for \w+@127\.0\.0\.1:\d+ \(tried: (key|password)\)$/;
        assert.match(error.message, said);
        for (const remedy of [error.suggestion, check?.remedy ?? ""]) {
          assert.match(remedy, /expired, locked (or|and) excluded/);
        }
      }
    },
  });
}

peerTest({
  peer: SSHD,
  name: "a DSA key is named as such",
  async fn() {
    await using sshd = await startSshd();
    const path = `${sshd.keyPath}_dsa`;
    await run("/usr/bin/ssh-keygen", ["-q", "-t", "dsa", "-N", "", "-f", path]);
    const { error } = await failures(sshd, { login: { kind: "key", path, passphrase: undefined } });
    assert.equal(error.code, "private_key");
    assert.match(error.message, /it is a DSA key/);
    assert.match(error.suggestion, /ssh-keygen -t ed25519/);
  },
});
