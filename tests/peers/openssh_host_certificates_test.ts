import assert from "node:assert/strict";
import { dirname } from "node:path";
import type { HostConfig } from "../../src/config/config.ts";
import { RemoteExecError } from "../../src/errors.ts";
import { createLogger } from "../../src/log.ts";
import { CERTIFICATE_ALGORITHMS } from "../../src/ssh/worker/connection/host_certificates.ts";
import type { DialedConnection } from "../../src/ssh/worker/connection/dialed.ts";
import { Dialer } from "../../src/ssh/worker/connection/dial.ts";
import { runCommand } from "../support/command.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { run } from "./account.ts";
import { openSession, settingsFor } from "./openssh.ts";
import { peerTest, SSH_CLIENT, SSHD } from "./require.ts";
import { type Sshd, startSshd } from "./sshd.ts";

const keygen = (...args: readonly string[]) => run("/usr/bin/ssh-keygen", ["-q", ...args]);
const KEYS = ["ed25519", "ecdsa", "rsa"] as const;
const NAME = "127.0.0.1";

/** A server whose keys have certificates, and authorities. */
interface Stage {
  readonly sshd: Sshd;
  readonly directory: string;
  /** Gives keys a certificate with these options. ssh prefers that of the Ed25519 key. */
  certify(
    authority: string,
    options: readonly string[],
    kinds?: readonly (typeof KEYS)[number][],
  ): Promise<void>;
  /** Returns the public key of an authority. */
  publicKey(authority: string): string;
}

async function withStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  using place = temporaryDirectory();
  const directory = place.path;
  for (const kind of KEYS) {
    await keygen(
      "-t",
      kind,
      ...(kind === "rsa" ? ["-b", "2048"] : []),
      "-N",
      "",
      "-f",
      `${directory}/${kind}`,
    );
  }
  await keygen("-t", "ed25519", "-N", "", "-f", `${directory}/other`);
  const config = KEYS.map((kind) => `HostCertificate ${directory}/host_${kind}-cert.pub`);
  await using sshd = await startSshd({
    hostKeyTypes: KEYS,
    // A long output exchanges keys again.
    config: [...config, "RekeyLimit 300K"],
  });
  const keys = dirname(sshd.knownHostsPath);
  await work({
    ...{ sshd, directory },
    async certify(authority, options, kinds = ["ed25519"]) {
      for (const kind of kinds) {
        Deno.copyFileSync(`${keys}/host_${kind}.pub`, `${directory}/host_${kind}.pub`);
        const signing = ["-s", `${directory}/${authority}`, "-I", "a host", ...options];
        await keygen(...signing, `${directory}/host_${kind}.pub`);
      }
      await sshd.restart();
    },
    publicKey: (authority) => Deno.readTextFileSync(`${directory}/${authority}.pub`),
  });
}

/** One connection: what known_hosts has, and what the SSH configuration says. */
interface Attempt {
  readonly known: string;
  readonly algorithms?: string;
  readonly alias?: string;
}

/** Connects with `ssh`. Returns whether it trusted the host. */
async function sshTrusts({ sshd, directory }: Stage, attempt: Attempt): Promise<boolean> {
  Deno.writeTextFileSync(`${directory}/known_hosts`, attempt.known);
  const { algorithms, alias } = attempt;
  const options = [
    ...["GlobalKnownHostsFile=/dev/null", `UserKnownHostsFile=${directory}/known_hosts`],
    ...["StrictHostKeyChecking=yes", "UpdateHostKeys=no", "IdentitiesOnly=yes", "BatchMode=yes"],
    ...(algorithms === undefined ? [] : [`HostKeyAlgorithms=${algorithms}`]),
    ...(alias === undefined ? [] : [`HostKeyAlias=${alias}`]),
  ];
  const { code, stderr } = await runCommand("/usr/bin/ssh", [
    ...["-F", "none", "-n", "-T", ...options.flatMap((option) => ["-o", option])],
    ...["-i", sshd.keyPath, "-p", String(sshd.port), `${sshd.username}@${sshd.host}`, "true"],
  ]);
  if (code !== 0) assert.match(stderr, /verification failed|REVOKED|signature/i);
  return code === 0;
}

/** Connects as the server does. Returns the error, or undefined if it trusted the host. */
async function refusal(
  { sshd, directory }: Stage,
  { known, algorithms, alias }: Attempt,
  more: Partial<HostConfig> = {},
): Promise<RemoteExecError | undefined> {
  Deno.writeTextFileSync(`${directory}/known_hosts`, known);
  const { ssh } = settingsFor(sshd, directory);
  const dialer = new Dialer({
    ...{ ...ssh, knownHostsPaths: [`${directory}/known_hosts`] },
    ...(alias === undefined ? {} : { hostKeyAlias: alias }),
    ...(algorithms === undefined ? {} : { algorithms: { serverHostKey: algorithms.split(",") } }),
    ...more,
  }, createLogger("error", [], () => {}));
  try {
    await leave(await dialer.dial(20_000));
    return undefined;
  } catch (error) {
    assert.ok(error instanceof RemoteExecError, String(error));
    return error;
  }
}

async function leave({ client, socket }: DialedConnection): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  client.once("close", resolve);
  client.end();
  socket.destroy();
  await promise;
}

peerTest({
  peer: [SSHD, SSH_CLIENT],
  name: "a host certificate is trusted exactly when ssh trusts it, and a message says why not",
  fn: () =>
    withStage(async (stage) => {
      const { sshd, publicKey, certify } = stage;
      const port = `[${NAME}]:${sshd.port}`;
      const authority = (names: string, key = "ed25519") =>
        `@cert-authority ${names} ${publicKey(key)}`;
      const own = authority(port);
      const plain = sshd.knownHostsText;
      const same = async (what: string, attempt: Attempt, reason?: RegExp) => {
        const [byJudge, error] = [await sshTrusts(stage, attempt), await refusal(stage, attempt)];
        assert.equal(error === undefined, byJudge, `${what}: ssh ${byJudge}, ${error?.message}`);
        if (reason !== undefined) assert.match(String(error?.message), reason, what);
      };

      const start = "SHA256:\\S+ \\(its certificate ";
      const certificates: [string, string[], RegExp | undefined][] = [
        ["ed25519", ["-h", "-n", NAME], undefined],
        ["rsa", ["-h", "-n", NAME], undefined],
        ["ecdsa", ["-h", "-n", NAME], undefined],
        ["ed25519", ["-h"], undefined],
        ["ed25519", ["-h", "-n", "127.0.0.*"], /its certificate is for 127/],
        ["ed25519", ["-h", "-n", "web1,web2"], /\(its certificate is for web1, web2\)/],
        [
          "ed25519",
          ["-h", "-n", NAME, "-V", "20200101:20200102"],
          /certificate has expired at 2020/,
        ],
        ["ed25519", ["-h", "-n", NAME, "-V", "20990101:20990102"], /is not valid before 2098|2099/],
        ["ed25519", ["-n", NAME], /its certificate is not for a host\)/],
        ["ed25519", ["-h", "-n", NAME, "-O", "critical:odd=1"], /has critical options/],
        ["rsa", ["-h", "-n", NAME, "-t", "ssh-rsa"], /is signed in a way that is not accepted/],
      ];
      for (const [by, options, reason] of certificates) {
        await certify(by, options);
        const what = `${by} ${options.join(" ")}`;
        await same(what, { known: authority(port, by) }, reason);
        // A certificate that fails leaves its key.
        if (reason === undefined) continue;
        await same(`${what}, with the plain keys`, { known: authority(port, by) + plain });
      }

      await certify("ed25519", ["-h", "-n", NAME], KEYS);
      const hashed = `${stage.directory}/hashed`;
      Deno.writeTextFileSync(hashed, own);
      await keygen("-H", "-f", hashed);
      const revoked = (key: string) => `@revoked * ${key}`;
      const key = plain.split("\n").map((line) => line.split(" ").slice(1).join(" "));
      const files: [string, string, RegExp | undefined][] = [
        ["a pattern", authority(`*`), undefined],
        ["a pattern that excludes it", authority(`*,!${port}`), undefined],
        ["the name without its port", authority(NAME), undefined],
        ["a hashed name", Deno.readTextFileSync(hashed), undefined],
        ["another authority", authority(port, "other"), new RegExp(`${start}is of an authority`)],
        ["another host", authority("web1"), /not found in known_hosts/],
        ["a revoked authority", own + revoked(publicKey("ed25519")), /is revoked/],
        [
          "a revoked authority and plain keys",
          own + plain + revoked(publicKey("ed25519")),
          /revoked/,
        ],
        ["a revoked key", own + revoked(`${key[0]}\n`), /is revoked/],
        ["plain keys alone", plain, undefined],
        ["another plain key", `${port} ${publicKey("other")}${own}`, undefined],
        ["another plain key alone", `${port} ${publicKey("other")}`, /has changed/],
        [
          "another plain key and authority",
          `${port} ${publicKey("other")}${authority(port, "other")}`,
          /has changed: .*\(its certificate is of an authority/,
        ],
      ];
      for (const [what, known, reason] of files) await same(what, { known }, reason);

      for (const algorithm of CERTIFICATE_ALGORITHMS) {
        if (/nistp(384|521)/.test(algorithm)) continue;
        await same(algorithm, { known: own, algorithms: algorithm });
      }
      await same(
        "only plain keys are allowed",
        { known: own, algorithms: "ssh-ed25519" },
        /not a certificate/,
      );
      await same(
        "an alias that is not a name",
        { known: authority("web1"), alias: "web1" },
        /is for 127/,
      );
      await certify("ed25519", ["-h", "-n", "web1"], KEYS);
      await same("an alias", { known: authority("web1"), alias: "web1" });
    }),
});

peerTest({
  peer: SSHD,
  name:
    "a host certificate survives a second key exchange, and a bad one is a plain key for accept-new",
  fn: () =>
    withStage(async (stage) => {
      const { sshd, directory, publicKey, certify } = stage;
      const known = `@cert-authority * ${publicKey("ed25519")}`;
      await certify("ed25519", ["-h", "-n", NAME], KEYS);
      Deno.writeTextFileSync(`${directory}/known_hosts`, known);
      for (const algorithm of ["ssh-ed25519", "rsa-sha2-512"]) {
        const algorithms = { serverHostKey: [`${algorithm}-cert-v01@openssh.com`] };
        const knownHostsPaths = [`${directory}/known_hosts`];
        await using session = await openSession(sshd, { ssh: { knownHostsPaths, algorithms } });
        const { exitCode } = await session.exec("head -c 2000000 /dev/zero | tr '\\0' x");
        assert.equal(exitCode, 0);
      }
      await certify("ed25519", ["-h", "-n", "web1"], KEYS);
      const accepted = new Map<number, Uint8Array>();
      const settings = settingsFor(sshd, directory);
      const ssh = {
        ...settings.ssh,
        strictHostKeyChecking: false,
        knownHostsPaths: [`${directory}/known_hosts`],
      };
      const dialer = new Dialer(
        ssh,
        createLogger("error", [], () => {}),
        undefined,
        undefined,
        accepted,
      );
      for (const _again of [1, 2]) await leave(await dialer.dial(20_000));
      const key = accepted.get(0) ?? new Uint8Array();
      assert.ok(sshd.knownHostsText.includes(key.toBase64()));
    }),
});
