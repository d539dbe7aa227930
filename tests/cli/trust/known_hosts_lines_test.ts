import assert from "node:assert/strict";
import { withKeys } from "../../../src/cli/trust/known_hosts_lines.ts";
import { pure } from "../../support/pure.ts";

const KEY = [{ keyType: "ssh-ed25519", base64: "AAAA" }];

pure("withKeys() adds a line, also behind a last line that has no end", () => {
  assert.equal(withKeys("", "h", KEY), "h ssh-ed25519 AAAA\n");
  assert.equal(withKeys("# a\n", "[h]:2", KEY), "# a\n[h]:2 ssh-ed25519 AAAA\n");
  assert.equal(withKeys("# a", "h", KEY), "# a\nh ssh-ed25519 AAAA\n");
});

pure("withKeys() hashes the name with a new salt where the file has hashed names", () => {
  const before = "|1|c2FsdA==|aGFzaA== ssh-rsa BBBB\n";
  const [one, other] = [withKeys(before, "h", KEY), withKeys(before, "h", KEY)];
  for (const text of [one, other]) {
    assert.match(text.slice(before.length), /^\|1\|[\w+/]{27}=\|[\w+/]{27}= ssh-ed25519 AAAA\n$/);
  }
  assert.notEqual(one, other);
});
