import assert from "node:assert/strict";
import { formatOrigin, withOrigin } from "../../src/config/origin.ts";
import { pure } from "../support/pure.ts";

const origin = { file: "/a/.env", names: ["HOST", "TIMEOUT"], remarks: [] };

pure("withOrigin() names the file that a fault's value comes from, and no other variable's", () => {
  const fault = { message: 'TIMEOUT must be less: got "30000"', remedy: "Correct TIMEOUT" };
  assert.equal(withOrigin(fault, origin).message, `${fault.message} (TIMEOUT from /a/.env)`);
  const other = { message: "DOWNLOAD_HOST must be an address", remedy: "Correct DOWNLOAD_HOST" };
  assert.deepEqual(withOrigin(other, origin), other);
  assert.deepEqual(withOrigin(fault, { ...origin, file: undefined }), fault);
});

pure("withOrigin() finds the variable in the remedy when the message has none", () => {
  const fault = { message: '"~/x" cannot be expanded', remedy: "Correct HOST" };
  assert.equal(withOrigin(fault, origin).message, `${fault.message} (HOST from /a/.env)`);
});

pure("formatOrigin() lists what the file sets", () => {
  assert.equal(formatOrigin(origin), "HOST, TIMEOUT from /a/.env");
  assert.equal(formatOrigin({ ...origin, names: [] }), "no variable from /a/.env");
  assert.equal(formatOrigin({ ...origin, file: undefined }), undefined);
});
