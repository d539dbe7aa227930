import assert from "node:assert/strict";
import fc from "fast-check";
import { contentDisposition, safeFileName } from "../../../../src/downloads/worker/http/headers.ts";
import { pure } from "../../../support/pure.ts";

pure("contentDisposition() gives the plain and the encoded form", () => {
  assert.equal(
    contentDisposition("report.pdf"),
    `attachment; filename="report.pdf"; filename*=UTF-8''report.pdf`,
  );
  assert.equal(
    contentDisposition('naïve "q" 50%.txt'),
    `attachment; filename="na_ve \\"q\\" 50_.txt"; filename*=UTF-8''na%C3%AFve%20%22q%22%2050%25.txt`,
  );
  assert.equal(
    contentDisposition("it's (1)*.txt"),
    `attachment; filename="it's (1)*.txt"; filename*=UTF-8''it%27s%20%281%29%2A.txt`,
  );
});

pure(
  "contentDisposition() keeps every name inside its header and readable again",
  () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (name) => {
      const header = contentDisposition(name);
      assert.match(header, /^[\x20-\x7e]*$/);
      const encoded = header.slice(header.lastIndexOf("''") + 2);
      assert.match(encoded, /^[A-Za-z0-9!#$&+.^_`|~%-]*$/);
      assert.equal(decodeURIComponent(encoded), safeFileName(name));
    }));
  },
);

pure(
  "safeFileName() leaves no separators, control characters or text direction tricks",
  () => {
    assert.equal(safeFileName("a/b\\c\r\nd\u0000e"), "a_b_c__d_e");
    assert.equal(safeFileName("photo\u202egnp.exe"), "photo_gnp.exe");
    assert.equal(safeFileName("a\u200eb\u200fc\u2066d\u2069e\u061cf"), "a_b_c_d_e_f");
    assert.doesNotMatch(contentDisposition("photo\u200f\u202egnp.exe"), /%E2%80%(8F|AE)/);
    assert.equal(safeFileName(".."), "download");
    assert.equal(safeFileName(""), "download");
    assert.equal(safeFileName("目录 😀.txt"), "目录 😀.txt");
  },
);
