import assert from "node:assert/strict";
import { reasonIn } from "../../release/binaries.ts";
import { pure } from "../support/pure.ts";

// As Deno 2.9.4 prints it without a network.
const OFFLINE =
  `error: Writing deno compile executable to temporary file '/tmp/x.tmp-04cc7a6ea2b31eec'

Caused by:
    0: Setting up base binary.
    1: error sending request for url (https://dl.deno.land/release/v2.9.4/denort-aarch64-apple-darwin.zip): client error (Connect): dns error
    2: client error (Connect)
    3: dns error
    4: failed to lookup address information: Name or service not known

Stack backtrace:
   0: <unknown>
   1: __libc_start_call_main
`;

pure("reasonIn() names the runtime base that cannot be downloaded, and why", () => {
  assert.equal(
    reasonIn(OFFLINE),
    "Deno's runtime base cannot be downloaded from https://dl.deno.land/release/v2.9.4/denort-aarch64-apple-darwin.zip: failed to lookup address information: Name or service not known",
  );
});

pure("reasonIn() shows the first line of any other failure", () => {
  assert.equal(reasonIn("error: Module not found\n    at main.ts:1\n"), "Module not found");
  assert.equal(reasonIn(""), "deno compile failed");
});
