import assert from "node:assert/strict";
import { installProxmox } from "../fakes/proxmox/install.ts";
import { CONTAINERS, OPENSSL, peerTest } from "../peers/require.ts";
import { type Place, startPlace } from "../support/places.ts";
import { runProgram } from "../support/program.ts";
import { freePort } from "../support/free_port.ts";
import { outputOf } from "../support/command.ts";

const doctor = async ({ directory, env }: Place, more: Record<string, string>) =>
  await runProgram(["doctor"], { cwd: directory, env: { ...env, ...more } });

Deno.test("doctor says when HOST is no Proxmox VE node", async () => {
  await using place = await startPlace();
  const { code, stdout } = await doctor(place, { ENABLE_PROXMOX: "true" });
  assert.equal(code, 1, stdout);
  assert.match(stdout, /^FAIL Proxmox: .*\n {5}-> /m);
});

Deno.test("doctor does not look for Proxmox VE on a host that it cannot log in to", async () => {
  await using place = await startPlace();
  const wrong = { ENABLE_PROXMOX: "true", SSH_PASSWORD: "not the password" };
  const { code, stdout } = await doctor(place, wrong);
  assert.equal(code, 1);
  assert.doesNotMatch(stdout, /Proxmox:/);
});

peerTest({
  name: "doctor finds the containers of a node",
  peer: CONTAINERS,
  async fn() {
    const pve = await installProxmox();
    try {
      await pve.addContainer({ ctid: 101, status: "running" });
      await using place = await startPlace({ env: { PATH: pve.binDirectory } });
      const { code, stdout } = await doctor(place, { ENABLE_PROXMOX: "true" });
      assert.match(stdout, /^ok {3}Proxmox: 1 container /m);
      assert.equal(code, 0, stdout);
    } finally {
      await pve.close();
    }
  },
});

peerTest({
  name: "doctor checks the certificate of the links",
  peer: OPENSSL,
  async fn() {
    await using place = await startPlace();
    const [cert, key] = [`${place.home}/cert.pem`, `${place.home}/key.pem`];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const files = ["-subj", "/CN=localhost", "-keyout", key, "-out", cert];
    await outputOf("openssl", "req", "-x509", ...kind, ...files);
    const tls = { DOWNLOAD_TLS_CERT: cert, DOWNLOAD_TLS_KEY: key };
    const good = await doctor(place, tls);
    assert.match(good.stdout, /^ok {3}certificate: .*cert\.pem/m);
    assert.equal(good.code, 0, good.stdout);
    Deno.writeTextFileSync(key, "no key");
    const bad = await doctor(place, tls);
    assert.match(bad.stdout, /^FAIL certificate: .*\n {5}-> .*DOWNLOAD_TLS_CERT/m);
    assert.equal(bad.code, 1);
  },
});

Deno.test("doctor says so when BASE_URL leads to another server", async () => {
  await using place = await startPlace();
  await using other = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("another".repeat(100_000), { status: 404 }),
  );
  const port = String(freePort());
  const { code, stdout } = await doctor(place, {
    ...{ BASE_URL: `http://127.0.0.1:${other.addr.port}`, DOWNLOAD_PORT: port },
  });
  assert.equal(code, 1);
  assert.match(stdout, /^FAIL link URL: \S+ leads to another server, which answers 404\n/m);
  const taken = { BASE_URL: "http://127.0.0.1:1", DOWNLOAD_PORT: String(other.addr.port) };
  const { stdout: running } = await doctor(place, taken);
  assert.match(running, /^ok {3}link URL: http:\/\/127\.0\.0\.1:1 was not checked: .* cannot be/m);
});

const shapeOf = (text: string) => {
  const { version, program, ok, checks, workers, ...others } = JSON.parse(text);
  assert.deepEqual([version, others], [1, {}]);
  assert.match(program, /^\d+\.\d+\.\d+$/);
  for (const check of checks) {
    assert.deepEqual(Object.keys(check), ["host", "step", "ok", "detail", "remedy"]);
  }
  for (const worker of workers) {
    assert.deepEqual(Object.keys(worker), ["worker", "host", "net", "read", "write"]);
  }
  return { ok, checks, workers };
};

Deno.test("doctor --json has the documented shape, for one host and for several", async () => {
  await using place = await startPlace();
  const run = ({ env = {}, ...more }: { env?: Record<string, string> } = {}) =>
    runProgram(["doctor", "--json"], {
      ...{ cwd: place.directory, env: { ...place.env, ...env }, ...more },
    });
  const one = await run();
  assert.deepEqual([one.code, one.stderr], [0, ""]);
  const { ok, checks, workers } = shapeOf(one.stdout);
  assert.equal(ok, true);
  assert.deepEqual(checks.find(({ step }: { step: string }) => step === "sha256").host, null);
  assert.deepEqual(workers.map(({ worker }: { worker: string }) => worker), ["ssh", "downloads"]);

  const several = await run({ env: { HOSTS: "127.0.0.1,127.0.0.2", SSH_PASSWORD: "wrong" } });
  assert.equal(several.code, 1);
  const { ok: all, checks: each } = shapeOf(several.stdout);
  assert.equal(all, false);
  const failed = each.filter((check: { ok: boolean }) => !check.ok);
  assert.ok(failed.some(({ host }: { host: string }) => host === "127.0.0.1"));
  assert.ok(failed.every(({ remedy }: { remedy: string }) => remedy.length > 0));

  const faulty = await run({ env: { SSH_PORT: "ssh" } });
  assert.deepEqual([faulty.code, faulty.stderr], [2, ""]);
  const [fault] = shapeOf(faulty.stdout).checks;
  assert.deepEqual([fault.step, fault.ok], ["configuration", false]);
  assert.match(fault.detail, /^SSH_PORT must be/);
});
