import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { RemoteExecError } from "../../../src/errors.ts";
import type { ImageKitService } from "../../../src/transfers/imagekit/service.ts";
import {
  formatTransferId,
  parseTransferId,
} from "../../../src/transfers/imagekit/open_transfers.ts";
import { CURL, peerTest } from "../../peers/require.ts";
import { containers, context, PNG, setStage, sha256, type Stage } from "./imagekit_stage.ts";
import { shellText } from "../../support/command.ts";
import { runUpload } from "../run_upload.ts";

const NOT_FOUND = "Transfer not found or expired";
const MISSING = "File not found on ImageKit. Make sure upload completed successfully.";

/** Checks the code and the complete message. */
const failsWith = (code: string, message: string | RegExp) => (error: unknown) => {
  ok(error instanceof RemoteExecError, String(error));
  equal(error.code, code, error.message);
  if (typeof message === "string") equal(error.message, message);
  else match(error.message, message);
  return true;
};

const wish = (path: string, change: object = {}) => ({
  path,
  ctid: undefined,
  permissions: undefined,
  overwrite: false,
  ...change,
});

/** Requests an upload and runs the command. */
async function uploaded(
  service: ImageKitService,
  content: string | Uint8Array = "content",
  change: object = {},
) {
  const offer = await service.requestUpload(wish("/data/file", change), context());
  const output = await runUpload(offer.command.sh, content);
  match(output, /\nHTTP 200\n$/);
  return { ...offer, fileId: /"fileId":"([0-9a-f]{24})"/.exec(output)?.[1] };
}

const operations = (stage: Stage) => stage.fake.requests.map(({ operation }) => operation);

function curlTest(name: string, fn: () => Promise<void>): void {
  peerTest({ name, peer: CURL, fn });
}

curlTest(
  "confirmUpload() writes what the command sent, then deletes and purges the copy",
  async () => {
    await using stage = await setStage();
    const service = stage.service();
    const { transferId, fileId } = await uploaded(service, PNG, { permissions: 640 });
    const { outcome, cleanup } = await service.confirmUpload(transferId, fileId, context());
    deepEqual(stage.files.files.get("/data/file"), { bytes: PNG, mode: 0o640 });
    deepEqual([outcome.bytes, outcome.sha256, outcome.verified], [
      PNG.length,
      sha256(PNG),
      "sha256",
    ]);
    deepEqual(cleanup, { deleted: true, purged: true });
    deepEqual(stage.fake.objects(), []);
  },
);

curlTest("confirmUpload() finds the file without its file_id", async () => {
  await using stage = await setStage();
  const service = stage.service();
  const { transferId } = await uploaded(service);
  await service.confirmUpload(transferId, undefined, context());
  equal(stage.files.files.has("/data/file"), true);
});

curlTest(
  "confirmUpload() waits up to 20 seconds for a search that lags, with progress",
  async () => {
    await using stage = await setStage();
    const service = stage.service();
    stage.fake.faults.searchLagMs = 19_000;
    const { transferId } = await uploaded(service);
    const call = context();
    await service.confirmUpload(transferId, undefined, call);
    const looking = call.steps.filter(({ message }) =>
      message === "Looking for the file on ImageKit"
    );
    ok(looking.length >= 5);
    equal(looking[0]?.total, 20);
    ok(looking.every(({ progress }, index) => progress >= (looking[index - 1]?.progress ?? 0)));
  },
);

curlTest("confirmUpload() does not wait longer than 20 seconds", async () => {
  await using stage = await setStage();
  const service = stage.service();
  const { transferId } = await service.requestUpload(wish("/data/file"), context());
  const startedAtMs = stage.clock.nowMs;
  const error = await service.confirmUpload(transferId, undefined, context()).catch((e) => e);
  ok(failsWith("not_found", MISSING)(error));
  match(error.suggestion, /works once.*imagekit_request_upload/);
  equal(stage.clock.nowMs - startedAtMs, 20_000);
});

curlTest("confirmUpload() works after a restart, and in a second server", async () => {
  await using stage = await setStage();
  const { transferId } = await uploaded(stage.service());
  await stage.service().confirmUpload(transferId, undefined, context());
  equal(stage.files.files.has("/data/file"), true);
});

curlTest("confirmUpload() refuses a completed transfer, also after a restart", async () => {
  await using stage = await setStage();
  const service = stage.service();
  const { transferId, fileId } = await uploaded(service);
  await service.confirmUpload(transferId, fileId, context());
  await rejects(
    service.confirmUpload(transferId, fileId, context()),
    failsWith("not_found", NOT_FOUND),
  );
  await rejects(
    stage.service().confirmUpload(transferId, fileId, context()),
    failsWith("not_found", MISSING),
  );
});

Deno.test("confirmUpload() refuses malformed, forged, altered and foreign ids without a request to ImageKit", async () => {
  await using stage = await setStage();
  const service = stage.service();
  const { transferId } = await service.requestUpload(wish("/data/file"), context());
  const state = parseTransferId(stage.config.privateKey, transferId);
  ok(state !== undefined);
  const ids = [
    "",
    "abc-123-def-456",
    formatTransferId("another key", state),
    formatTransferId(stage.config.privateKey, { ...state, host: "another.example" }),
    `${transferId.slice(0, -1)}${transferId.endsWith("A") ? "B" : "A"}`,
    transferId.replace(/^../, "AA"),
  ];
  for (const id of ids) {
    await rejects(
      service.confirmUpload(id, undefined, context()),
      failsWith("not_found", NOT_FOUND),
    );
    await rejects(service.confirmDownload(id, context()), failsWith("not_found", NOT_FOUND));
  }
  equal(stage.fake.requests.length, 0);
});

Deno.test("confirmUpload() refuses an id as soon as it has expired", async () => {
  await using stage = await setStage({ config: { transferTimeoutMs: 60_000 } });
  const service = stage.service();
  const { transferId, expiresInS } = await service.requestUpload(wish("/data/file"), context());
  equal(expiresInS, 60);
  stage.clock.nowMs += 60_000;
  await rejects(
    service.confirmUpload(transferId, undefined, context()),
    failsWith("not_found", NOT_FOUND),
  );
  equal(stage.fake.requests.length, 0);
});

Deno.test("confirmUpload() and confirmDownload() recognize an id of the other operation", async () => {
  await using stage = await setStage();
  const service = stage.service();
  stage.files.put("/data/there", "content");
  const upload = await service.requestUpload(wish("/data/file"), context());
  const download = await service.requestDownload(
    { path: "/data/there", ctid: undefined },
    context(),
  );
  await rejects(
    service.confirmUpload(download.transferId, undefined, context()),
    failsWith("invalid_argument", `Transfer ${download.transferId} is not an upload operation`),
  );
  await rejects(
    service.confirmDownload(upload.transferId, context()),
    failsWith("invalid_argument", `Transfer ${upload.transferId} is not a download operation`),
  );
});

curlTest(
  "confirmUpload() does not touch a file of another transfer",
  async () => {
    await using stage = await setStage();
    const service = stage.service();
    const { transferId } = await uploaded(service);
    const other = await uploaded(service, "another transfer");
    const bytes = new TextEncoder().encode("salaries");
    const foreign = stage.fake.plant({ name: "salaries.pdf", folder: "/mcp-remote-exec", bytes });
    for (const id of [foreign.fileId, other.fileId]) {
      await rejects(
        service.confirmUpload(transferId, id, context()),
        failsWith("not_permitted", `The file ${id} on ImageKit does not belong to this transfer`),
      );
    }
    await rejects(
      service.confirmUpload(transferId, "0123456789abcdef01234567", context()),
      failsWith("not_found", MISSING),
    );
    equal(stage.fake.objects().length, 3);
    equal(stage.files.written.length, 0);
  },
);

Deno.test("confirmUpload() refuses a file that is older than the transfer", async () => {
  await using stage = await setStage();
  const service = stage.service();
  const { transferId } = await service.requestUpload(wish("/data/file"), context());
  const name = parseTransferId(stage.config.privateKey, transferId)?.name ?? "";
  const { fileId } = stage.fake.plant({
    ...{ name, folder: "/mcp-remote-exec", bytes: new Uint8Array([1]) },
    createdAtMs: stage.clock.nowMs - 3_600_000,
  });
  for (const id of [fileId, undefined]) {
    await rejects(
      service.confirmUpload(transferId, id, context()),
      failsWith("not_permitted", /does not belong to this transfer/),
    );
  }
  equal(stage.fake.objects().length, 1);
});

curlTest(
  "confirmUpload() refuses a file that is too large before anything is fetched",
  async () => {
    await using stage = await setStage({ config: { maxFileBytes: 5 } });
    const service = stage.service();
    const { transferId, fileId } = await uploaded(service, "too long");
    const error = await service.confirmUpload(transferId, fileId, context()).catch((e) => e);
    ok(failsWith("too_large", /8 bytes, max 5/)(error));
    match(error.suggestion, /IMAGEKIT_MAX_FILE_SIZE/);
    equal(operations(stage).includes("delivery"), false);
    equal(stage.fake.objects().length, 1);
  },
);

curlTest(
  "confirmUpload() keeps the copy when writing fails, so that the call can be repeated",
  async () => {
    await using stage = await setStage();
    const service = stage.service();
    const { transferId, fileId } = await uploaded(service);
    stage.files.writeFailure = new RemoteExecError("disk_full", "No space left", "Free space");
    await rejects(
      service.confirmUpload(transferId, fileId, context()),
      failsWith("disk_full", "Failed to upload to host: No space left"),
    );
    equal(stage.fake.objects().length, 1);
    await service.confirmUpload(transferId, fileId, context());
    equal(stage.fake.objects().length, 0);
  },
);

curlTest("confirmUpload() reports when the copy could not be deleted or purged", async () => {
  await using stage = await setStage();
  const service = stage.service();
  const first = await uploaded(service);
  stage.fake.failNext("purge", { kind: "json", status: 403, message: "Purge limit" });
  deepEqual((await service.confirmUpload(first.transferId, first.fileId, context())).cleanup, {
    deleted: true,
    purged: false,
  });
  const second = await uploaded(service, "content", { path: "/data/other" });
  stage.fake.failNext("delete", { kind: "json", status: 400, message: "Not now" });
  deepEqual((await service.confirmUpload(second.transferId, second.fileId, context())).cleanup, {
    deleted: false,
    purged: false,
  });
  equal(stage.files.files.has("/data/other"), true);
});

curlTest("confirmUpload() refuses a destination that was created in the meantime", async () => {
  await using stage = await setStage();
  const service = stage.service();
  const { transferId, fileId } = await uploaded(service);
  stage.files.put("/data/file", "somebody was faster");
  const error = await service.confirmUpload(transferId, fileId, context()).catch((e) => e);
  ok(failsWith("already_exists", "File already exists on host: /data/file")(error));
  equal(error.suggestion, "Set overwrite=true to replace existing file");
});

curlTest("confirmUpload() replaces a file if its request had overwrite", async () => {
  await using stage = await setStage();
  stage.files.put("/data/file", "old");
  const service = stage.service();
  const { transferId, fileId } = await uploaded(service, "new", { overwrite: true });
  await service.confirmUpload(transferId, fileId, context());
  equal(new TextDecoder().decode(stage.files.files.get("/data/file")?.bytes), "new");
});

curlTest("confirmUpload() refuses a second call at the same time", async () => {
  await using stage = await setStage();
  const service = stage.service();
  const { transferId, fileId } = await uploaded(service);
  const first = service.confirmUpload(transferId, fileId, context());
  await rejects(
    service.confirmUpload(transferId, fileId, context()),
    failsWith("busy", "Another call is completing this transfer"),
  );
  await first;
  equal(stage.files.written.length, 1);
});

curlTest("confirmUpload() ends when it is cancelled, and keeps the copy", async () => {
  await using stage = await setStage();
  const service = stage.service();
  const { transferId, fileId } = await uploaded(service);
  stage.fake.faults.delivery = "stalled";
  const stop = new AbortController();
  const progress = () => stop.abort();
  stage.files.write = () => {
    queueMicrotask(progress);
    return new Promise(() => {});
  };
  await rejects(
    service.confirmUpload(transferId, fileId, { signal: stop.signal, progress: undefined }),
    failsWith("cancelled", "The call was cancelled"),
  );
  equal(stage.fake.objects().length, 1);
});

curlTest(
  "confirmUpload() writes into a container, where requestUpload() checks the destination",
  async () => {
    await using stage = await setStage();
    stage.files.put("101:/etc/app.conf", "there");
    const service = stage.service();
    await rejects(
      service.requestUpload(wish("/etc/app.conf", { ctid: 101 }), context()),
      failsWith("already_exists", "File already exists in container 101: /etc/app.conf"),
    );
    const { transferId, fileId } = await uploaded(service, "new", {
      path: "/etc/new.conf",
      ctid: 101,
    });
    const { state } = await stage.service().confirmUpload(transferId, fileId, context());
    equal(state.ctid, 101);
    equal(stage.files.files.has("101:/etc/new.conf"), true);
  },
);

curlTest("confirmUpload() names the container of a failure", async () => {
  await using stage = await setStage();
  const service = stage.service();
  const { transferId, fileId } = await uploaded(service, "new", { ctid: 101 });
  const stopped = new RemoteExecError("invalid_state", "container stopped", "Start it");
  stage.files.writeFailure = stopped;
  const error = await service.confirmUpload(transferId, fileId, context()).catch((e) => e);
  ok(failsWith("invalid_state", "Failed to push to container 101: container stopped")(error));
  equal(error.suggestion, "Check if container exists and is running");

  const missing = new RemoteExecError("not_found", "Container 101 not found", "List them");
  const known = stage.service({
    containers: { ...containers, problem: () => Promise.resolve(missing) },
  });
  stage.files.writeFailure = stopped;
  await rejects(known.confirmUpload(transferId, fileId, context()), missing);
  stage.files.readFailure = stopped;
  await rejects(known.requestDownload({ path: "/etc/x", ctid: 101 }, context()), missing);
});

Deno.test("requestUpload() and requestDownload() need Proxmox for a ctid", async () => {
  await using stage = await setStage();
  const service = stage.service({ containers: undefined });
  const message = "Container file transfers require Proxmox plugin to be enabled";
  const ctid = 101;
  for (
    const refused of [
      service.requestUpload(wish("/etc/x", { ctid }), context()),
      service.requestDownload({ path: "/etc/x", ctid }, context()),
    ]
  ) {
    const error = await refused.catch((e) => e);
    ok(failsWith("not_configured", message)(error));
    equal(
      error.suggestion,
      "Set ENABLE_PROXMOX=true in your .env file to use container features (ctid parameter)",
    );
  }
});

Deno.test("requestUpload() refuses an existing destination without a request to ImageKit", async () => {
  await using stage = await setStage();
  const service = stage.service();
  stage.files.put("/data/file", "there");
  stage.files.files.set("/data", { bytes: new Uint8Array(), mode: 0o755, kind: "directory" });
  await rejects(
    service.requestUpload(wish("/data/file"), context()),
    failsWith("already_exists", "File already exists on host: /data/file"),
  );
  await rejects(
    service.requestUpload(wish("/data", { overwrite: true }), context()),
    failsWith("is_directory", "Remote path is a directory: /data"),
  );
  await rejects(
    service.requestUpload(wish("/data/../etc/passwd"), context()),
    failsWith("invalid_argument", "Path cannot contain '..' (path traversal not allowed)"),
  );
  stage.files.readFailure = new RemoteExecError("unreachable", "SSH connection failed", "Check");
  await rejects(
    service.requestUpload(wish("/data/other"), context()),
    failsWith("unreachable", "Could not check file: SSH connection failed"),
  );
  await service.requestUpload(wish("/data/v1..2"), context());
  equal(stage.fake.requests.length, 0);
});

Deno.test("requestUpload() reports exactly how long its token is valid", async () => {
  await using stage = await setStage();
  stage.clock.nowMs += 400;
  const { command, expiresInS } = await stage.service().requestUpload(
    wish("/data/file"),
    context(),
  );
  const expire = Number(/expire=(\d+)/.exec(command.sh)?.[1]);
  equal(expiresInS, Math.floor(expire - stage.clock.nowMs / 1000));
  ok(expire * 1000 - stage.clock.nowMs < 3_600_000);
  equal(expiresInS, 3_300);
});

curlTest(
  "requestDownload() returns a command that fetches exactly the file, also an image",
  async () => {
    await using stage = await setStage();
    stage.files.put("/data/one pixel.png", PNG);
    const offer = await stage.service().requestDownload(
      { path: "/data/one pixel.png", ctid: undefined },
      context(),
    );
    deepEqual([offer.bytes, offer.sha256], [PNG.length, sha256(PNG)]);
    const path = await Deno.makeTempFile();
    try {
      equal(await shellText(offer.command.sh.replace("<YOUR_FILE_PATH>", path)), "");
      deepEqual(await Deno.readFile(path), PNG);
    } finally {
      await Deno.remove(path);
    }
  },
);

Deno.test("requestDownload() returns a URL that expires when it says", async () => {
  await using stage = await setStage({ config: { transferTimeoutMs: 1_000 } });
  stage.files.put("/data/file", "content");
  stage.clock.nowMs += 500;
  const service = stage.service();
  const { url, expiresInS } = await service.requestDownload(
    { path: "/data/file", ctid: undefined },
    context(),
  );
  equal(expiresInS, 1);
  const status = async () => {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.status;
  };
  equal(await status(), 200);
  stage.clock.nowMs += 1_500;
  equal(await status(), 401);
});

Deno.test("requestDownload() refuses a path that is missing, empty, too large or not a file", async () => {
  await using stage = await setStage({ config: { maxFileBytes: 6 } });
  const service = stage.service();
  stage.files.put("/data/empty", "");
  stage.files.put("/data/long", "content");
  stage.files.files.set("/data", { bytes: new Uint8Array(), mode: 0o755, kind: "directory" });
  const ask = (path: string, ctid?: number) => service.requestDownload({ path, ctid }, context());
  await rejects(ask("/data/none"), failsWith("not_found", "File not found in host: /data/none"));
  await rejects(
    ask("/etc/none", 101),
    failsWith("not_found", "File not found in container 101: /etc/none"),
  );
  await rejects(ask("/data/empty"), failsWith("unsupported", /is empty, and ImageKit cannot hold/));
  await rejects(ask("/data/long"), failsWith("too_large", /7 bytes, max 6/));
  await rejects(ask("/data"), failsWith("is_directory", "Remote path is a directory: /data"));
  equal(stage.fake.requests.length, 0);
});

Deno.test("requestDownload() accepts a file of unknown size, like those in /proc", async () => {
  await using stage = await setStage();
  stage.files.files.set("/proc/version", {
    bytes: new TextEncoder().encode("Linux version 6.1"),
    mode: 0o444,
    statedSize: 0,
  });
  const offer = await stage.service().requestDownload(
    { path: "/proc/version", ctid: undefined },
    context(),
  );
  equal(offer.bytes, 17);
});

Deno.test("requestDownload() names the side that failed", async () => {
  await using stage = await setStage();
  stage.files.put("/data/file", "content");
  stage.files.put("101:/data/file", "content");
  const service = stage.service();
  stage.fake.failNext("upload", { kind: "json", status: 400, message: "Upload Limit Exceeded." });
  await rejects(
    service.requestDownload({ path: "/data/file", ctid: undefined }, context()),
    failsWith("quota", /^Download preparation failed: .*Upload Limit Exceeded\.$/),
  );
  stage.files.read = () =>
    Promise.reject(new RemoteExecError("not_permitted", "Permission denied", "Check"));
  await rejects(
    service.requestDownload({ path: "/data/file", ctid: undefined }, context()),
    failsWith("not_permitted", "Failed to download from remote: Permission denied"),
  );
  await rejects(
    service.requestDownload({ path: "/data/file", ctid: 101 }, context()),
    failsWith("not_permitted", "Failed to pull from container 101: Permission denied"),
  );
  equal(stage.fake.objects().length, 0);
});

Deno.test("confirmDownload() removes the copy and ends the URL, also after a restart", async () => {
  await using stage = await setStage();
  stage.files.put("/data/file", "content");
  const { transferId, url } = await stage.service().requestDownload(
    { path: "/data/file", ctid: undefined },
    context(),
  );
  await (await fetch(url)).body?.cancel();
  const second = stage.service();
  deepEqual((await second.confirmDownload(transferId, context())).cleanup, {
    deleted: true,
    purged: true,
  });
  deepEqual(stage.fake.objects(), []);
  const gone = await fetch(url);
  await gone.body?.cancel();
  equal(gone.status, 404);
  for (const service of [second, stage.service()]) {
    await rejects(
      service.confirmDownload(transferId, context()),
      failsWith("not_found", NOT_FOUND),
    );
  }
});

Deno.test("confirmDownload() can be repeated after a failure", async () => {
  await using stage = await setStage();
  stage.files.put("/data/file", "content");
  const service = stage.service();
  const { transferId } = await service.requestDownload(
    { path: "/data/file", ctid: undefined },
    context(),
  );
  stage.fake.failNext("delete", { kind: "html", status: 500 }, 4);
  await rejects(
    service.confirmDownload(transferId, context()),
    failsWith("refused_by_service", /^Cleanup failed: .*500/),
  );
  await service.confirmDownload(transferId, context());
  equal(stage.fake.objects().length, 0);
});
