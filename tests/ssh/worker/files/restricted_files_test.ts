import assert from "node:assert/strict";
import { restricted } from "../../../../src/ssh/worker/files/restricted_files.ts";
import type { FilesPort } from "../../../../src/ssh/files_port.ts";
import type { FilesGrant } from "../../../../src/ssh/port.ts";
import type { Endpoint } from "../../../../src/ssh/port.ts";
import { pure } from "../../../support/pure.ts";

/** A port that answers every call with the call's name. */
const open = new Proxy({}, {
  get: (_target, name: string) => () => Promise.resolve(name),
}) as unknown as FilesPort;

const host = { kind: "host", path: "/f" } as const;
const local = { kind: "local", path: "f" } as const;
const shell = (prefix: string): Endpoint => ({ kind: "shell", prefix, path: "/f", label: "it" });
const REFUSED = { code: "not_permitted" };
const PCT = "pct exec <number> --";

/** Every call that names a file. */
function calls(rights: FilesGrant, end: Endpoint): (() => Promise<unknown>)[] {
  const port = restricted(open, rights);
  const to = { to: end, maxBytes: 1, overwrite: true };
  const { signal } = new AbortController();
  return [
    () => port.stat(end, signal),
    () => port.tree(end, { maxEntries: 1, maxBytes: 1 }, signal),
    () => port.read(end, undefined, signal),
    () => port.readTree(end, signal),
    () => port.sha256(end, signal),
    () => port.hostSha256(end, signal),
    () => port.write(to, new ReadableStream(), signal),
  ];
}

pure("restricted() passes on granted calls", async () => {
  const rights = { kinds: ["local", "host", "shell"], write: true, shellPrefix: PCT } as const;
  for (const end of [host, local, shell("pct exec 101 --")]) {
    for (const call of calls(rights, end)) assert.equal(typeof await call(), "string");
  }
});

pure("restricted() refuses endpoints of another kind, for every call", async () => {
  const rights = { kinds: ["host"], write: true } as const;
  for (const end of [local, shell("pct exec 101 --")]) {
    for (const call of calls(rights, end)) await assert.rejects(call, REFUSED);
  }
});

pure("restricted() refuses to write if only reading is granted", async () => {
  const all = calls({ kinds: ["host"], write: false }, host);
  const writing = all.pop();
  for (const call of all) assert.equal(typeof await call(), "string");
  await assert.rejects(async () => await writing?.(), REFUSED);
});

/** Arguments as a compromised worker may send them, each with one fault. */
const { signal } = new AbortController();
const stream = () => new ReadableStream<Uint8Array>();
const good = { to: host, maxBytes: 1, overwrite: true } as const;
const ODD: Readonly<Record<string, readonly unknown[][]>> = {
  stat: [[host], [host, {}], [null, signal], [{ kind: "host", path: 1 }, signal], [[], signal]],
  read: [
    [host, { start: "0 /dev/null; id; #" }, signal],
    [host, { start: 0, end: "1; id" }, signal],
    [host, { start: -1 }, signal],
    [host, { start: 0.5 }, signal],
    [host, { start: -Infinity }, signal],
    [host, null, signal],
    [
      { kind: "shell", prefix: "pct exec 1 --", path: "/f", label: { toString: 1 } },
      undefined,
      signal,
    ],
  ],
  tree: [
    [host, { maxEntries: Infinity, maxBytes: 1 }, signal],
    [host, { maxEntries: "x", maxBytes: 1 }, signal],
    [host, { maxEntries: 1e7, maxBytes: 1 }, signal],
    [host, undefined, signal],
  ],
  write: [
    [{ ...good, mode: "644; id" }, stream(), signal],
    [{ ...good, mode: 0o10000 }, stream(), signal],
    [{ ...good, size: "3" }, stream(), signal],
    [{ ...good, sha256: "x; id" }, stream(), signal],
    [{ ...good, overwrite: "yes" }, stream(), signal],
    [{ ...good, maxBytes: NaN }, stream(), signal],
    [good, {}, signal],
    [good, stream(), undefined],
  ],
};

pure("restricted() passes on no malformed argument", async () => {
  const rights = { kinds: ["local", "host", "shell"], write: true, shellPrefix: PCT } as const;
  const port = restricted(open, rights) as unknown as Record<
    string,
    (...args: readonly unknown[]) => Promise<unknown>
  >;
  for (const [name, calls] of Object.entries(ODD)) {
    for (const args of calls) {
      await assert.rejects(async () => await port[name]?.(...args), { code: "internal" });
    }
  }
});

pure("restricted() passes on rebuilt arguments without extra fields", async () => {
  const seen: unknown[] = [];
  const port = restricted(
    new Proxy({}, {
      get: () => (...args: readonly unknown[]) => Promise.resolve(seen.push(args[0])),
    }) as unknown as FilesPort,
    { kinds: ["host"], write: true },
  );
  const more = { ...host, prefix: "id;", extra: 1 };
  await port.stat(more, signal);
  await port.write({ ...good, to: more, mode: 0 }, stream(), signal);
  assert.deepEqual(seen, [host, { ...good, mode: 0 }]);
});

pure("restricted() refuses every other prefix of a shell endpoint", async () => {
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
    "pct exec <number> --",
    "pct exec --",
  ];
  for (const prefix of others) {
    for (const call of calls(rights, shell(prefix))) await assert.rejects(call, REFUSED, prefix);
  }
  for (const call of calls({ kinds: ["shell"], write: true }, shell("pct exec 1 --"))) {
    await assert.rejects(call, REFUSED);
  }
});

pure("restricted() never lets another worker become root", async () => {
  const seen: Endpoint[] = [];
  const port = restricted(
    {
      ...open,
      stat: (endpoint) => {
        seen.push(endpoint);
        return Promise.reject(new Error("not needed"));
      },
    },
    { kinds: ["host", "shell"], write: true, shellPrefix: PCT },
  );
  const asRoot = { ...host, sudo: true } as const;
  await assert.rejects(async () => await port.stat(asRoot, new AbortController().signal));
  assert.deepEqual(seen, [host]);
});
