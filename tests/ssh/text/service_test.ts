import assert from "node:assert/strict";
import { RemoteExecError } from "../../../src/errors.ts";
import type { TextPort } from "../../../src/ssh/text/port.ts";
import { TextService } from "../../../src/ssh/text/service.ts";
import { pure } from "../../support/pure.ts";

pure(
  "edit() reads no file that a text of this runtime cannot hold, whatever MAX_FILE_SIZE is",
  async () => {
    const asked: number[] = [];
    const port: Pick<TextPort, "readContent"> = {
      readContent(_from, maxBytes) {
        asked.push(maxBytes);
        return Promise.reject(new RemoteExecError("too_large", "too large", "Try less"));
      },
    };
    for (const maxFileBytes of [1_000, 10_000_000_000]) {
      const limits = { characterLimit: 1_000, maxFileBytes, timeoutMs: 1_000 };
      const service = new TextService(port as TextPort, limits, undefined, { files: true });
      const call = service.edit({
        ...{
          path: "/f",
          ctid: undefined,
          edits: [],
          expectSha256: undefined,
          dryRun: true,
          sudo: false,
        },
        ...{ check: undefined, signal: new AbortController().signal, progress: undefined },
      });
      await assert.rejects(call, { code: "too_large" });
    }
    assert.deepEqual(asked, [1_000, 256_000_000]);
  },
);
