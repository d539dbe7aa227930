import assert from "node:assert/strict";
import type { ContainerAccess } from "../../../src/proxmox/container_access.ts";
import { RemoteExecError } from "../../../src/errors.ts";
import type { ToolContext } from "../../../src/mcp/tool.ts";
import { listAnswer } from "../../../src/transfers/exchange/answers.ts";
import { ExchangeService } from "../../../src/transfers/exchange/service.ts";
import type { StoredObject, TransfersPort } from "../../../src/transfers/port.ts";
import { isFailure } from "../../contracts/bridge.ts";
import { pure } from "../../support/pure.ts";
import { R2_CONFIG } from "../worker/r2/fixture.ts";

const HOUR_MS = 3_600_000;
const NOW = Date.parse("2026-01-08T14:30:22Z");
const ID = "server_20260108_023022_0a1b2c3d_a.txt";
const CONTEXT: ToolContext = { signal: new AbortController().signal, progress: undefined };
const LOCAL = { localPath: "a.txt", remotePath: undefined, ctid: undefined };

const stored = (storedAtMs: number, metadata: Record<string, string> = {}): StoredObject => ({
  name: `server/${ID}`,
  id: "0123",
  size: 3,
  storedAtMs,
  metadata,
});

const unexpected = () => Promise.reject(new Error("not expected"));

/** Returns a service whose worker has this one object, and the requests to that worker. */
function serviceWith(
  object: StoredObject | undefined,
  containers: Partial<Pick<ContainerAccess, "problem">> & { failure?: Error } = {},
) {
  const asked: unknown[] = [];
  const port: TransfersPort = {
    configure: unexpected,
    store: unexpected,
    deliver(request) {
      asked.push(request);
      if (containers.failure !== undefined) return Promise.reject(containers.failure);
      return Promise.resolve({
        bytes: 3,
        sha256: "",
        verified: "sha256",
        durationMs: 1,
        path: "/files/a.txt",
        object: object ?? stored(NOW),
        contentProven: true,
      });
    },
    find: () => Promise.resolve(object),
    list: () => Promise.resolve(object === undefined ? [] : [object]),
    remove: unexpected,
    uploadTicket: unexpected,
    downloadUrl: (_bridge, _ref, expiresAtMs) => Promise.resolve(`until ${expiresAtMs}`),
    clockAheadMs: unexpected,
    diagnose: unexpected,
    close: unexpected,
  };
  const clock = { now: () => NOW, elapsed: () => 0, after: () => () => {} };
  const config = { ...R2_CONFIG, maxFileBytes: 20e9 };
  const { problem } = containers;
  const service = new ExchangeService({
    ...{ port, config, clock },
    containers: problem && {
      endpoint: (ctid, path) => ({
        kind: "shell",
        prefix: `pct exec ${ctid} --`,
        path,
        label: "",
      }),
      problem,
    },
  });
  return { service, asked };
}

const byId = { transferId: ID, sourceClient: "server", downloadUrl: undefined };

const lasting = (fromMs: number, hours: number) => ({
  uploaded_at: new Date(fromMs).toISOString(),
  expires_at: new Date(fromMs + hours * HOUR_MS).toISOString(),
});

pure(
  "download() by id refuses an expired transfer, and suggests exchange_share",
  async () => {
    const from = NOW - 2 * HOUR_MS;
    const { service, asked } = serviceWith(stored(from, lasting(from, 1)));
    await assert.rejects(service.download(byId, LOCAL, false, CONTEXT), (error) => {
      assert.match(String(error), /has expired \(2026-01-08T13:30:22Z\)/);
      assert.match((error as { suggestion: string }).suggestion, /exchange_share/);
      return isFailure("expired")(error);
    });
    assert.deepEqual(asked, []);
  },
);

pure("download() by id accepts a transfer whose upload took longer than its hours", async () => {
  const { service, asked } = serviceWith(stored(NOW - 1_000, lasting(NOW - 2 * HOUR_MS, 1)));
  await service.download(byId, LOCAL, false, CONTEXT);
  assert.deepEqual(asked, [{
    bridge: "r2",
    ref: { name: `server/${ID}`, id: "0123" },
    to: { kind: "local", path: "a.txt" },
    overwrite: false,
    maxBytes: 20e9,
  }]);
});

pure(
  "download() by id accepts a transfer without an expiry as long as files are kept",
  async () => {
    const { service: young } = serviceWith(stored(NOW - 47 * HOUR_MS));
    await young.download(byId, LOCAL, false, CONTEXT);
    const { service: old } = serviceWith(stored(NOW - 49 * HOUR_MS));
    await assert.rejects(old.download(byId, LOCAL, false, CONTEXT), isFailure("expired"));
  },
);

pure("download() distinguishes a missing transfer from an expired one", async () => {
  const { service } = serviceWith(undefined);
  await assert.rejects(service.download(byId, LOCAL, false, CONTEXT), isFailure("not_found"));
});

pure(
  "download() lets Proxmox explain failures of containers, and of nothing else",
  async () => {
    const failure = new RemoteExecError("invalid_state", "cannot enter", "Look at it");
    const { service } = serviceWith(stored(NOW), {
      failure,
      problem: (ctid) =>
        Promise.resolve(
          new RemoteExecError("not_found", `Container ${ctid} not found`, "List them"),
        ),
    });
    const inside = { localPath: undefined, remotePath: "/a", ctid: 199 };
    await assert.rejects(service.download(byId, inside, false, CONTEXT), {
      code: "not_found",
      message: "Container 199 not found",
    });
    await assert.rejects(service.download(byId, LOCAL, false, CONTEXT), failure);
  },
);

pure("share() returns a URL that expires with the file", async () => {
  const { service } = serviceWith(stored(NOW - 47 * HOUR_MS));
  const shared = await service.share(ID, "server", 12, CONTEXT);
  assert.equal(shared.downloadUrl, `until ${NOW + HOUR_MS}`);
  assert.equal(shared.expiresAtMs, NOW + HOUR_MS);
});

pure("share() renews an expired transfer, but not one older than 48 hours", async () => {
  const from = NOW - 10 * HOUR_MS;
  const { service: expired } = serviceWith(stored(from, lasting(from, 1)));
  assert.equal((await expired.share(ID, "server", 2, CONTEXT)).expiresAtMs, NOW + 2 * HOUR_MS);
  const { service: over } = serviceWith(stored(NOW - 48 * HOUR_MS));
  await assert.rejects(over.share(ID, "server", 2, CONTEXT), isFailure("expired"));
});

pure("requestUpload() refuses a file that is too large for one PUT", async () => {
  const { service } = serviceWith(undefined);
  await assert.rejects(
    service.requestUpload("a", 6e9, 1, undefined),
    (error) =>
      isFailure("too_large")(error) &&
      /exchange_upload/.test((error as { suggestion: string }).suggestion),
  );
});

pure("list() marks expired transfers", async () => {
  const from = NOW - 2 * HOUR_MS;
  const { service } = serviceWith(stored(from, lasting(from, 1)));
  const [listed] = await service.list("server", CONTEXT);
  assert.deepEqual(
    [listed?.expired, listed?.expiresAtMs, listed?.filename],
    [true, from + HOUR_MS, "a.txt"],
  );
});

pure("list() accepts any times in the metadata of an object", async () => {
  const times = ["+275760-09-13T00:00:00Z", "-271821-04-20T00:00:00Z", "soon"];
  for (const uploaded_at of times) {
    for (const expires_at of times) {
      const { service } = serviceWith(stored(NOW, { uploaded_at, expires_at }));
      const { transfers } = listAnswer(await service.list(undefined, CONTEXT), false);
      assert.equal(transfers.length, 1);
    }
  }
});
