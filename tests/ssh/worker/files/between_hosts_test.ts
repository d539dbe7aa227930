import assert from "node:assert/strict";
import { sendStream } from "../../../../src/rpc/parcel.ts";
import { receiveFile } from "../../../../src/ssh/worker/files/between_hosts.ts";
import type { RemoteHost } from "../../../../src/ssh/worker/remote_host.ts";

Deno.test("receiveFile() takes no setuid, setgid and sticky bit from another host", async () => {
  const modes: (number | undefined)[] = [];
  const write: RemoteHost["write"] = (_source, { mode }) => {
    modes.push(mode);
    return Promise.resolve({ bytes: 0, sha256: "", verified: "size", durationMs: 0, path: "/new" });
  };
  const host = { write } as Partial<RemoteHost> as RemoteHost; // only this part is used
  const { signal } = new AbortController();
  for (const mode of [0o4755, 0o7777, 0o640, undefined]) {
    const end = sendStream(new Blob().stream(), () => {});
    const facts = { size: 0, mode, sha256: undefined };
    const request = { ...facts, path: "/new", overwrite: false, maxBytes: 1 };
    await receiveFile(host, end, request, signal, undefined);
  }
  assert.deepEqual(modes, [0o755, 0o777, 0o640, undefined]);
});
