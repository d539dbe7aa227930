import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
// @ts-types="@types/ssh2"
import ssh2, { type Algorithms } from "ssh2";
import { assembleNames, OFFERS } from "../../../src/config/ssh_config/algorithms.ts";
import { CERTIFICATE_ALGORITHMS } from "../../../src/ssh/worker/connection/host_certificates.ts";
import { pure } from "../../support/pure.ts";

pure("the SSH configuration knows the algorithms of host certificates", () => {
  const { defaults = [] } = OFFERS.find(({ name }) => name === "serverHostKey") ?? {};
  assert.deepEqual(defaults.slice(0, CERTIFICATE_ALGORITHMS.length), CERTIFICATE_ALGORITHMS);
});

pure("assembleNames() appends, removes, puts first and replaces", () => {
  const defaults = ["a1", "a2", "b1"];
  const all = [...defaults, "b2", "c"];
  assert.deepEqual(assembleNames(undefined, defaults, all), defaults);
  assert.deepEqual(assembleNames("+b*,x", defaults, all), ["a1", "a2", "b1", "b2"]);
  assert.deepEqual(assembleNames("-a*", defaults, all), ["b1"]);
  assert.deepEqual(assembleNames("^c,b1", defaults, all), ["c", "b1", "a1", "a2"]);
  assert.deepEqual(assembleNames("c,x,a2,c", defaults, all), ["c", "a2"]);
});

Deno.test("ssh2 has every algorithm that the SSH configuration may choose", () => {
  const client = new ssh2.Client();
  client.on("error", () => {});
  const lists = OFFERS.map(({ name, defaults, others }) => [
    name,
    // Those of certificates are ours.
    [...defaults, ...others].filter((each) => !CERTIFICATE_ALGORITHMS.includes(each)),
  ]);
  // ssh2 throws for a name that it does not have.
  const algorithms = Object.fromEntries(lists) as Algorithms;
  client.connect({ sock: new PassThrough(), username: "x", password: "x", algorithms });
  client.destroy();
});
