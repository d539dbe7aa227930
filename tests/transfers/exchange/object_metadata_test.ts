import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import { metadataHeaders, readMetadata } from "../../../src/transfers/exchange/object_metadata.ts";
import { pure } from "../../support/pure.ts";
import { anyCharacter } from "../../support/code_points.ts";

pure("readMetadata() returns every value that metadataHeaders() encoded", () => {
  fc.assert(fc.property(fc.string({ unit: anyCharacter, maxLength: 60 }), (value) => {
    const sent = metadataHeaders({ filename: value });
    for (const header of Object.values(sent)) assert.match(header, /^[\x21-\x7e]*$/);
    assert.equal(readMetadata(new Headers(sent)).filename, value);
  }));
});

pure("readMetadata() reads names with - for _ and values that are not encoded", () => {
  const headers = new Headers({ "x-amz-meta-source-client": "a", "x-amz-meta-note": "50%" });
  assert.deepEqual(readMetadata(headers), { source_client: "a", note: "50%" });
});
