import assert from "node:assert/strict";
import { restricted } from "../../src/ssh/files_rights.ts";
import type { FilesPort, FilesRights } from "../../src/ssh/files_port.ts";
import type { Endpoint } from "../../src/ssh/port.ts";
import { pure } from "../support/config.ts";

/** A port that answers everything with the name of the call. */
const open = new Proxy({}, {
  get: (_target, name: string) => () => Promise.resolve(name),
}) as unknown as FilesPort;

const host = { kind: "host", path: "/f" } as const;
const local = { kind: "local", path: "f" } as const;
const shell = (prefix: string): Endpoint => ({ kind: "shell", prefix, path: "/f", label: "it" });
const REFUSED = { code: "not_permitted" };
const PCT = "pct exec # --";

/** Every call that names a file. */
function calls(rights: FilesRights, end: Endpoint): (() => Promise<unknown>)[] {
  const port = restricted(open, rights);
  const to = { to: end, maxBytes: 1, overwrite: true };
  const { signal } = new AbortController();
  return [
    () => port.stat(end, signal),
    () => port.tree(end, { maxEntries: 1, maxBytes: 1 }, signal),
    () => port.read(end, undefined, signal),
    () => port.readTree(end, signal),
    () => port.sha256(end, signal),
    () => port.write(to, new ReadableStream(), signal),
  ];
}

pure("restricted() hands on what is granted", async () => {
  const rights = { kinds: ["local", "host", "shell"], write: true, shellPrefix: PCT } as const;
  for (const end of [host, local, shell("pct exec 101 --")]) {
    for (const call of calls(rights, end)) assert.equal(typeof await call(), "string");
  }
});

pure("restricted() refuses ends of another kind, for every call", async () => {
  const rights = { kinds: ["host"], write: true } as const;
  for (const end of [local, shell("pct exec 101 --")]) {
    for (const call of calls(rights, end)) await assert.rejects(call, REFUSED);
  }
});

pure("restricted() refuses to write where only reading is granted", async () => {
  const all = calls({ kinds: ["host"], write: false }, host);
  const writing = all.pop();
  for (const call of all) assert.equal(typeof await call(), "string");
  await assert.rejects(async () => await writing?.(), REFUSED);
});

pure("restricted() refuses every other command before a shell end", async () => {
  const rights = { kinds: ["shell"], write: true, shellPrefix: PCT } as const;
  const others = [
    "rm -rf /",
    "",
    "pct exec 101 -- sh -c id; pct exec 101 --",
    "pct exec 1$(id) --",
    "pct exec  --",
    "pct exec 1 --; id",
    "id; pct exec 1 --",
    "pct exec 1\n --",
    "pct exec # --",
    "pct exec --",
  ];
  for (const prefix of others) {
    for (const call of calls(rights, shell(prefix))) await assert.rejects(call, REFUSED, prefix);
  }
  for (const call of calls({ kinds: ["shell"], write: true }, shell("pct exec 1 --"))) {
    await assert.rejects(call, REFUSED);
  }
});
