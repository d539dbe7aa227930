import assert from "node:assert/strict";
import { pure } from "../support/pure.ts";
import { boundsOf, isInside, withoutAlias } from "../../src/local/paths.ts";

pure("isInside() accepts the directory and what is below, not a name that begins alike", () => {
  const inside = ["/a/b", "/a/b/c", "/a/b/c/d"];
  const outside = ["/a", "/a/bc", "/", "/b", "/a/b.txt"];
  assert.deepEqual(inside.filter((path) => !isInside("/a/b", path)), []);
  assert.deepEqual(outside.filter((path) => isInside("/a/b", path)), []);
  assert.equal(isInside("/", "/a"), true);
});

pure("withoutAlias() replaces the other name of a root only as complete components", () => {
  const aliases = [{ path: "/home/me/work", real: "/data/work" }];
  assert.equal(withoutAlias("/home/me/work", aliases), "/data/work");
  assert.equal(withoutAlias("/home/me/work/a/b", aliases), "/data/work/a/b");
  for (const path of ["/home/me/workshop", "/home/me", "/data/work/a"]) {
    assert.equal(withoutAlias(path, aliases), path);
  }
});

pure("boundsOf() keeps what concerns one root", () => {
  const bounds = {
    roots: ["/work", "/more"],
    aliases: [{ path: "/w", real: "/work" }, { path: "/m", real: "/more" }],
    own: ["/work/.env", "/more/key", "/etc/known_hosts", "/"],
    ownIdentities: [{ dev: 1, ino: 2 }],
  };
  assert.deepEqual(boundsOf("/work", bounds), {
    roots: ["/work"],
    aliases: [{ path: "/w", real: "/work" }],
    own: ["/work/.env", "/"],
    ownIdentities: [{ dev: 1, ino: 2 }],
  });
});
