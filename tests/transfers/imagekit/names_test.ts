import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import {
  makeObjectName,
  objectPath,
  parseObjectName,
} from "../../../src/transfers/imagekit/names.ts";
import { pure } from "../../support/pure.ts";

const KEY = "private_key";

pure("makeObjectName() keeps to the characters that the service keeps", () => {
  match(makeObjectName(KEY, "upload", 1_790_000_000), /^mcp-upload-1790000000-[0-9a-f]{48}$/);
});

pure("makeObjectName() never gives the same name twice", () => {
  notEqual(makeObjectName(KEY, "download", 1), makeObjectName(KEY, "download", 1));
});

pure("parseObjectName() gives back direction and expiry", () => {
  deepEqual(parseObjectName(KEY, makeObjectName(KEY, "download", 1_790_000_000)), {
    direction: "download",
    expiresAt: 1_790_000_000,
  });
});

pure("parseObjectName() does not know a name whose expiry was moved", () => {
  const name = makeObjectName(KEY, "upload", 1_790_000_000);
  equal(parseObjectName(KEY, name.replace("1790000000", "1690000000")), undefined);
});

pure("parseObjectName() does not know names of other accounts and other people", () => {
  equal(parseObjectName(KEY, makeObjectName("another key", "upload", 1_790_000_000)), undefined);
  equal(parseObjectName(KEY, "mcp-upload-1790000000-3f2504e0"), undefined);
  equal(parseObjectName(KEY, `x${makeObjectName(KEY, "upload", 1_790_000_000)}`), undefined);
  equal(parseObjectName(KEY, "holiday.jpg"), undefined);
});

pure("objectPath() does not double the slash of the root folder", () => {
  equal(objectPath("/", "name"), "/name");
  equal(objectPath("/a/b", "name"), "/a/b/name");
});
