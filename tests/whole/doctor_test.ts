import assert from "node:assert/strict";
import { installProxmox } from "../fakes/proxmox/install.ts";
import { CONTAINERS, OPENSSL, peerTest } from "../peers/require.ts";
import { type Place, startPlace } from "../support/places.ts";
import { runProgram } from "../support/program.ts";
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
