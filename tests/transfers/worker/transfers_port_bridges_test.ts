import assert from "node:assert/strict";
import { BRIDGES } from "../../../src/transfers/errors.ts";
import { createBridges } from "../../../src/transfers/worker/transfers_port.ts";
import { bridgeNotConfigured } from "../../../src/transfers/errors.ts";
import type { BridgeName } from "../../../src/transfers/port.ts";
import { configOf } from "../../support/config.ts";
import { skippingClock, toolsWith } from "./r2/fixture.ts";

const ALL = {
  ENABLE_IMAGEKIT: "true",
  IMAGEKIT_PUBLIC_KEY: "public_x",
  IMAGEKIT_PRIVATE_KEY: "private_x",
  IMAGEKIT_URL_ENDPOINT: "https://ik.imagekit.io/me",
  R2_ACCOUNT_ID: "account",
  R2_ACCESS_KEY: "access",
  R2_SECRET_KEY: "secret",
  R2_BUCKET: "bucket",
};
const NAMES = Object.keys(BRIDGES) as BridgeName[]; // the table's own keys

const namesOf = (env: Readonly<Record<string, string>>) => {
  const { imageKit, r2 } = configOf(env);
  const settings = { imageKit, r2, logLevel: "error", secrets: [] } as const;
  return createBridges(settings, toolsWith(skippingClock(), fetch)).map(({ name }) => name);
};

Deno.test("every bridge of the table has a driver under its name, and only when it is configured", () => {
  assert.deepEqual(namesOf(ALL), NAMES);
  assert.deepEqual(namesOf({}), []);
});

Deno.test("every bridge of the table names what is missing when it is not configured", () => {
  for (const name of NAMES) {
    const { code, message, suggestion } = bridgeNotConfigured(name);
    assert.equal(code, "not_configured");
    assert.match(message, /not configured/);
    assert.match(`${message} ${suggestion}`, name === "r2" ? /R2_BUCKET/ : /IMAGEKIT_PRIVATE_KEY/);
  }
});
