import assert from "node:assert/strict";
import { isFailure, sha256, text } from "../../contracts/bridge.ts";
import { CURL, peerTest, SWIFT } from "../../peers/require.ts";
import { type ExchangeStage, startStage } from "./exchange_stage.ts";
import { runShell } from "../../support/command.ts";

const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;

const idOf = ({ transfer_id, source_client }: Record<string, unknown>) => ({
  transfer_id,
  source_client,
});

/** Runs a test with the tools and its own S3 server, because tests would see each other's transfers. */
function stageTest(name: string, fn: (stage: ExchangeStage) => Promise<void>): void {
  peerTest({
    peer: [SWIFT, CURL],
    name,
    fn: async () => {
      await using stage = await startStage({ partBytes: 5 * MIB });
      await fn(stage);
    },
  });
}

async function runUpload(requested: Record<string, unknown>, content: string): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/file`, content);
    const command = String(requested.upload_command).replace("<YOUR_FILE_PATH>", "file");
    const { stdout, stderr } = await runShell(command, dir);
    assert.deepEqual([stdout, stderr], ["HTTP 200\n", ""]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

stageTest(
  "exchange_upload and exchange_download transfer files of this machine, the host and a container",
  async (stage) => {
    const { call, files } = stage;
    files.add("local:dir/a.txt", "from here");
    files.add("host:/srv/b.txt", "from the host");
    files.add("101:/etc/c.conf", "from a container");
    for (
      const [from, to, key] of [
        [{ local_path: "dir/a.txt" }, { remote_path: "/tmp/a" }, "host:/tmp/a"],
        [{ remote_path: "/srv/b.txt" }, { remote_path: "/tmp/b", ctid: 102 }, "102:/tmp/b"],
        [{ remote_path: "/etc/c.conf", ctid: 101 }, { local_path: "c" }, "local:c"],
      ] as const
    ) {
      const uploaded = await call("exchange_upload", from);
      const saved = await call("exchange_download", { ...idOf(uploaded), ...to });
      assert.equal(saved.verified, "content");
      assert.equal(saved.sha256, await sha256(text(files.text(key) ?? "")));
    }
    assert.deepEqual(["host:/tmp/a", "102:/tmp/b", "local:c"].map((key) => files.text(key)), [
      "from here",
      "from the host",
      "from a container",
    ]);
  },
);

stageTest(
  "exchange_upload answers as promised and stores its metadata",
  async ({ call, files, rig }) => {
    files.add("local:Ärger.txt", "content");
    const answer = await call("exchange_upload", {
      local_path: "Ärger.txt",
      dest_client: "prod-1",
      expires_hours: 6,
    });
    assert.match(String(answer.transfer_id), /^server_\d{8}_\d{6}_[0-9a-f]{8}_Ärger\.txt$/);
    assert.equal(answer.key, `transfers/server/${answer.transfer_id}`);
    assert.deepEqual([answer.size, answer.filename, answer.dest_client], [
      7,
      "Ärger.txt",
      "prod-1",
    ]);
    const lifeMs = Date.parse(String(answer.expires_at)) - rig.clock.now();
    assert.ok(Math.abs(lifeMs - 6 * HOUR_MS) < 10_000, String(lifeMs));
    assert.equal(new URL(String(answer.download_url)).searchParams.get("X-Amz-Expires"), "21600");
    const { transfers } = await call("exchange_list", { client_id: "server" });
    const [listed] = transfers as { metadata: Record<string, string>; expired: boolean }[];
    const { uploaded_at, expires_at, ...rest } = listed?.metadata ?? {};
    assert.equal(Date.parse(expires_at ?? "") - Date.parse(uploaded_at ?? ""), 6 * HOUR_MS);
    assert.deepEqual(rest, {
      source_client: "server",
      dest_client: "prod-1",
      filename: "Ärger.txt",
      sha256: answer.sha256,
    });
    assert.equal(listed?.expired, false);
  },
);

stageTest(
  "exchange_request_upload returns a command whose file the other tools find",
  async (stage) => {
    const { call, files } = stage;
    for (const content of ["logs", ""]) {
      const requested = await call("exchange_request_upload", {
        filename: "logs & 'more' Ä.txt",
        source_client: "client-7",
        size: content.length,
      });
      await runUpload(requested, content);
      const { transfers, message } = await call("exchange_list", { client_id: "client-7" });
      assert.equal(message, "Found 1 pending transfer(s)");
      const [listed] = transfers as Record<string, unknown>[];
      assert.deepEqual(listed?.metadata, {
        source_client: "client-7",
        filename: "logs & 'more' Ä.txt",
      });
      const into = { local_path: "got", overwrite: true };
      const saved = await call("exchange_download", { ...idOf(requested), ...into });
      assert.deepEqual([files.text("local:got"), saved.verified], [content, "content"]);
      await call("exchange_delete", idOf(requested));
    }
  },
);

stageTest("exchange_upload and exchange_download transfer an empty file", async (stage) => {
  const { call, files } = stage;
  files.add("host:/srv/empty", "");
  const uploaded = await call("exchange_upload", { remote_path: "/srv/empty" });
  assert.deepEqual([uploaded.size, uploaded.sha256], [0, await sha256(text(""))]);
  const saved = await call("exchange_download", { ...idOf(uploaded), local_path: "got" });
  assert.deepEqual([files.text("local:got"), saved.verified], ["", "content"]);
});

stageTest(
  "exchange_share returns the stored hash, and no hash if none is stored",
  async (stage) => {
    const { call, files } = stage;
    files.add("local:a.txt", "content");
    const uploaded = await call("exchange_upload", { local_path: "a.txt" });
    const shared = await call("exchange_share", idOf(uploaded));
    assert.equal(shared.sha256, await sha256(text("content")));
    assert.equal(shared.check_command, uploaded.check_command);
    const requested = await call("exchange_request_upload", { filename: "b.txt" });
    await runUpload(requested, "by curl");
    const byCurl = await call("exchange_share", idOf(requested));
    assert.deepEqual([byCurl.sha256, byCurl.check_command], [undefined, undefined]);
  },
);

stageTest("exchange_download accepts a download_url and no other URL", async (stage) => {
  const { call, files, rig } = stage;
  files.add("local:a.txt", "by url");
  const { download_url } = await call("exchange_upload", { local_path: "a.txt" });
  const saved = await call("exchange_download", { download_url, remote_path: "/tmp/a" });
  assert.deepEqual([files.text("host:/tmp/a"), saved.filename], ["by url", "a.txt"]);
  const url = String(download_url);
  for (
    const bad of [
      "http://169.254.169.254/latest/meta-data/",
      url.replace(/X-Amz-Signature=[0-9a-f]{4}/, "X-Amz-Signature=0000"),
      url.replace("_a.txt", "_b.txt"),
      url.replace("/exchange/", "/other/"),
      url.replace(rig.s3.endpoint, "http://127.0.0.1:1"),
    ]
  ) {
    const attempt = call("exchange_download", { download_url: bad, local_path: "bad" });
    await assert.rejects(attempt, isFailure("not_permitted"), bad);
  }
  assert.equal(files.files.has("local:bad"), false);
});

stageTest(
  "an expired transfer differs from a missing one, and exchange_share renews it",
  async (stage) => {
    const { call, files, rig } = stage;
    files.add("local:a.txt", "still there");
    rig.clock.nowMs -= 2 * HOUR_MS; // signed two hours ago by this clock; the service compares it with its own
    const skewed = call("exchange_upload", { local_path: "a.txt", expires_hours: 1 });
    await assert.rejects(skewed, isFailure("authentication_failed"));
    rig.clock.nowMs += 2 * HOUR_MS;
    const uploaded = await call("exchange_upload", { local_path: "a.txt", expires_hours: 1 });
    const id = idOf(uploaded);
    const name = String(uploaded.key).slice("transfers/".length);
    rig.clock.nowMs -= 2 * HOUR_MS;
    const over = await rig.bridge.downloadUrl({ name }, rig.clock.now() + HOUR_MS);
    rig.clock.nowMs += 2 * HOUR_MS;
    await assert.rejects(
      call("exchange_download", { download_url: over, local_path: "b" }),
      (error) =>
        isFailure("expired")(error) &&
        /exchange_share/.test((error as { suggestion: string }).suggestion),
    );
    const missing = call("exchange_download", {
      ...id,
      transfer_id: `${id.transfer_id}x`,
      local_path: "b",
    });
    await assert.rejects(missing, isFailure("not_found"));
    const shared = await call("exchange_share", { ...id, expires_hours: 2 });
    assert.notEqual(shared.download_url, uploaded.download_url);
    await call("exchange_download", { download_url: shared.download_url, local_path: "b" });
    assert.equal(files.text("local:b"), "still there");
  },
);

stageTest("exchange_delete reports whether the transfer existed", async ({ call, files }) => {
  files.add("local:a.txt", "x");
  const uploaded = await call("exchange_upload", { local_path: "a.txt" });
  assert.equal((await call("exchange_delete", idOf(uploaded))).deleted, true);
  const again = await call("exchange_delete", idOf(uploaded));
  assert.deepEqual([again.deleted, again.key], [false, uploaded.key]);
  assert.equal((await call("exchange_list", {})).message, "Found 0 total pending transfer(s)");
  await assert.rejects(
    call("exchange_share", idOf(uploaded)),
    isFailure("not_found"),
  );
});

stageTest("exchange_download replaces a file only with overwrite", async (stage) => {
  const { call, files } = stage;
  files.add("local:a.txt", "new");
  files.add("local:old", "old");
  const id = idOf(await call("exchange_upload", { local_path: "a.txt" }));
  const plain = call("exchange_download", { ...id, local_path: "old" });
  await assert.rejects(plain, isFailure("already_exists"));
  assert.equal(files.text("local:old"), "old");
  await call("exchange_download", { ...id, local_path: "old", overwrite: true });
  assert.equal(files.text("local:old"), "new");
});

peerTest({
  peer: SWIFT,
  name:
    "the exchange refuses files that are too large, containers without Proxmox, and mixed arguments",
  async fn() {
    await using stage = await startStage({ containersOff: true, maxFileBytes: 5 });
    const { call, files } = stage;
    files.add("local:a", "123456");
    const failing = async (tool: string, args: object, code: string, words: RegExp) => {
      await assert.rejects(call(tool, args), (error) => {
        assert.match(String(error), words);
        return isFailure(code)(error);
      });
    };
    await failing("exchange_upload", { local_path: "a" }, "too_large", /6 bytes, max 5/);
    await failing("exchange_request_upload", { filename: "a", size: 6 }, "too_large", /max 5/);
    await failing(
      "exchange_upload",
      { remote_path: "/a", ctid: 101 },
      "not_configured",
      /Container file transfers require Proxmox plugin to be enabled/,
    );
    await failing("exchange_upload", {}, "invalid_argument", /Neither/);
    await failing(
      "exchange_upload",
      { local_path: "a", remote_path: "b" },
      "invalid_argument",
      /Both local_path and remote_path were passed/,
    );
    await failing("exchange_upload", { local_path: "a", ctid: 101 }, "invalid_argument", /ctid/);
    await failing(
      "exchange_download",
      { local_path: "b" },
      "invalid_argument",
      /No transfer was named/,
    );
    await failing(
      "exchange_download",
      { local_path: "b", transfer_id: "x", download_url: "y" },
      "invalid_argument",
      /Both transfer_id and download_url were passed/,
    );
    await failing(
      "exchange_delete",
      { transfer_id: "other_x", source_client: "server" },
      "invalid_argument",
      /does not start with/,
    );
    await failing(
      "exchange_request_upload",
      { filename: "../x" },
      "invalid_argument",
      /plain file name/,
    );
    await failing("exchange_upload", { local_path: "missing" }, "not_found", /missing/);
  },
});

stageTest(
  "no answer, failure or URL contains the secret key",
  async ({ call, files, rig, emitted }) => {
    files.add("local:a.txt", "x");
    const uploaded = await call("exchange_upload", { local_path: "a.txt" });
    await call("exchange_request_upload", { filename: "b.txt" });
    await call("exchange_share", idOf(uploaded));
    await call("exchange_list", {});
    await call("exchange_delete", idOf(uploaded));
    await assert.rejects(call("exchange_download", { ...idOf(uploaded), local_path: "b" }));
    const everything = emitted.join("\n");
    assert.ok(everything.includes(String(uploaded.download_url)));
    assert.equal(everything.includes(rig.config.secretKey), false);
  },
);
