import assert from "node:assert/strict";
import { isIP, isIPv6 } from "node:net";
import fc from "../../support/property.ts";
import { isIp, isIpv6 } from "../../../src/config/variables/ip_address.ts";
import { pure } from "../../support/pure.ts";

const agree = (text: string) => {
  assert.equal(isIpv6(text), isIPv6(text), text);
  assert.equal(isIp(text), isIP(text) !== 0, text);
};

pure("isIp() and isIpv6() agree with Node on addresses", () => {
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), agree));
});

pure("isIp() and isIpv6() agree with Node on texts that resemble addresses", () => {
  const part = fc.constantFrom(
    "1",
    "01",
    "255",
    "256",
    "ffff",
    "12345",
    "G",
    ":",
    "::",
    ".",
    "%",
    "e0",
    "/",
    "\n",
    " ",
    "[",
    "",
  );
  fc.assert(fc.property(fc.array(part, { maxLength: 12 }).map((parts) => parts.join("")), agree), {
    numRuns: 2_000,
  });
  fc.assert(fc.property(fc.array(part, { maxLength: 9 }).map((parts) => parts.join(":")), agree));
  fc.assert(fc.property(fc.array(part, { maxLength: 5 }).map((parts) => parts.join(".")), agree));
});

pure("isIpv6() accepts a zone", () => {
  for (const text of ["fe80::1%eth0", "::%1", "fe80::1%", "%eth0", "::1%a b", "::ffff:1.2.3.4"]) {
    agree(text);
  }
});
