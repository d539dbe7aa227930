import assert from "node:assert/strict";
import { unescapeXml } from "../../../../src/transfers/worker/r2/s3_xml.ts";
import { pure } from "../../../support/pure.ts";

pure("unescapeXml() replaces each entity once", () => {
  assert.equal(unescapeXml("&amp;lt; &unknown;"), "&lt; &unknown;");
});
