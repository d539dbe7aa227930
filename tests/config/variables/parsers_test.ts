import assert from "node:assert/strict";
import {
  apiKey,
  baseUrl,
  boolean,
  folder,
  host,
  integer,
  label,
  listenAddress,
  loginName,
  oneOf,
  type Parser,
  plainName,
  ValueError,
} from "../../../src/config/variables/parsers.ts";
import { pure } from "../../support/pure.ts";

function refuses<T>(parse: Parser<T>, texts: readonly string[], requirement: RegExp) {
  for (const text of texts) {
    assert.throws(
      () => parse(text),
      (error) => error instanceof ValueError && requirement.test(error.message),
      `"${text}" was taken`,
    );
  }
}

function takes<T>(parse: Parser<T>, cases: readonly (readonly [string, T])[]) {
  for (const [text, value] of cases) assert.equal(parse(text), value, text);
}

pure("boolean() reads true and false in any case", () => {
  takes(boolean, [["true", true], ["True", true], [" TRUE ", true], ["false", false], [
    "FALSE",
    false,
  ]]);
});

pure("boolean() refuses ambiguous words", () => {
  refuses(boolean, ["1", "0", "yes", "no", "on", "ture", "t", " "], /^must be true or false$/);
});

pure("integer() reads whole numbers within its bounds, bounds included", () => {
  takes(integer(1, 300), [["1", 1], ["300", 300], [" 42 ", 42], ["007", 7]]);
});

pure("integer() refuses signs, fractions, other bases, words and what is out of bounds", () => {
  refuses(
    integer(1, 300),
    ["0", "301", "-5", "+5", "1.5", "1e2", "0x10", "10s", "", "NaN", "9".repeat(30)],
    /^must be a whole number from 1 to 300$/,
  );
});

pure("oneOf() reads its words in any case and names them when it refuses", () => {
  takes(oneOf(["debug", "info"]), [["debug", "debug"], ["INFO", "info"]]);
  refuses(oneOf(["debug", "info"]), ["verbose", ""], /^must be one of debug, info$/);
});

pure("loginName() reads a name without the blanks around it", () => {
  takes(loginName, [["deploy", "deploy"], [" deploy\n", "deploy"], [
    "CORP\\jane doe",
    "CORP\\jane doe",
  ]]);
  refuses(loginName, [" ", "root:secret", "ssh://root", "a\nb"], /^must be a login name/);
});

pure("host() reads names and IP addresses, with or without brackets", () => {
  takes(host, [
    ["server.example", "server.example"],
    [" 10.0.0.1 ", "10.0.0.1"],
    ["[::1]", "::1"],
    ["fe80::1%eth0", "fe80::1%eth0"],
  ]);
});

pure("host() refuses users, schemes, paths, options and blanks", () => {
  refuses(
    host,
    ["root@server", "ssh://server", "server/path", "-oProxyCommand=x", "a b", "a,b", ""],
    /^must be a host name or an IP address/,
  );
});

pure("baseUrl() reads http and https URLs and removes final slashes", () => {
  takes(baseUrl, [
    ["https://ik.imagekit.io/id/", "https://ik.imagekit.io/id"],
    ["http://127.0.0.1:9000", "http://127.0.0.1:9000"],
    [" https://example.org// ", "https://example.org"],
  ]);
});

pure("baseUrl() refuses credentials, queries, fragments and other schemes", () => {
  refuses(
    baseUrl,
    [
      "https://user:pass@h",
      "https://h/?a=b",
      "https://h/#x",
      "https://h/a?",
      "https://h/a#",
      "https://h/a#?",
      "ftp://h",
      "file:///etc",
      "example.org",
      "",
    ],
    /^must be an http or https URL/,
  );
});

pure("apiKey() leaves out the blanks that a header cannot have", () => {
  takes(apiKey, [[" api-key-of-links-1 \n", "api-key-of-links-1"]]);
});

pure("plainName() refuses what would need quoting in a path or a key", () => {
  takes(plainName, [["server-1", "server-1"], ["a.b_c", "a.b_c"]]);
  refuses(plainName, ["", ".hidden", "a/b", "a b", "ä", "-x", "a?b"], /^must consist of letters/);
});

pure("folder() returns one leading slash and no final one", () => {
  takes(folder, [["/mcp-remote-exec", "/mcp-remote-exec"], ["a/b/", "/a/b"], ["//a", "/a"]]);
  refuses(folder, ["", "/", "/a/../b", "/a b", "/a//b"], /^must be a folder/);
});

Deno.test("listenAddress() accepts IP addresses and localhost, and no other name", () => {
  assert.equal(listenAddress(" LocalHost "), "127.0.0.1");
  assert.equal(listenAddress("[::1]"), "::1");
  assert.equal(listenAddress("0.0.0.0"), "0.0.0.0");
  for (const name of ["example.org", "http://127.0.0.1", "127.0.0.1:80", ""]) {
    assert.throws(() => listenAddress(name), /must be an IP address/);
  }
});

pure("label() takes one line for people", () => {
  takes(label, [["Ada Lovelace", "Ada Lovelace"], [" 営業部 ", "営業部"], ["a<b>&", "a<b>&"]]);
  const refused = ["", " ", "a\nb", "a\u202eb", "a\u2028b", "x".repeat(81)];
  refuses(label, refused, /^must be one line of 1 to 80 characters/);
});
