import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type FakeImageKit, startImageKit } from "../fakes/imagekit.ts";
import { type FakeProxmox, installProxmox } from "../fakes/proxmox/install.ts";
import { content } from "../fakes/ssh_host_client.ts";
import { CONTAINERS, CURL, peerTest, SWIFT } from "../peers/require.ts";
import { type S3Peer, startS3 } from "../peers/s3.ts";
import { fileIdIn, runHandedOut } from "../support/handed_out.ts";
import { type Place, startPlace } from "../support/places.ts";
import { type Connected, connectServer, type ToolResult } from "../support/server.ts";
import { BUCKET, exchangeVariables, imageKitVariables } from "./bridges.ts";

/** A host, a storage service, and servers that start and stop. */
interface Stage {
  readonly place: Place;
  /** A file of the person who runs the commands, outside the server's WORKING_DIRECTORY. */
  readonly mine: string;
  /** Starts another server. */
  start(): Promise<Connected>;
  /** All output of the servers that have ended, including their audit logs. */
  written(): string;
}

async function withStage(
  place: Place,
  env: Readonly<Record<string, string>>,
  run: (stage: Stage) => Promise<void>,
): Promise<void> {
  const started: Connected[] = [];
  const audit = `${place.home}/audit.jsonl`;
  const all = { ...place.env, LOG_LEVEL: "debug", AUDIT_LOG: audit, ...env };
  await run({
    place,
    mine: `${place.home}/my; file, really.bin`,
    async start() {
      const server = await connectServer({ env: all, cwd: place.directory });
      started.push(server);
      return server;
    },
    written: () =>
      started.map(({ server }) => server.stderr + server.stdoutLines.join("\n")).join("\n") +
      Deno.readTextFileSync(audit),
  });
}

function succeeded({ data, text, isError }: ToolResult): Record<string, unknown> {
  assert.equal(isError, false, text);
  return data;
}

function codeOf({ data, text, isError }: ToolResult): unknown {
  assert.equal(isError, true, text);
  assert.ok(String(data.suggestion).length > 10);
  return data.code;
}

/** Runs a command and checks that it reports success. */
async function runWell(command: unknown, path: string): Promise<string> {
  const { code, stdout, stderr } = await runHandedOut(String(command), path);
  assert.equal(code, 0, stderr);
  return stdout;
}

// ImageKit

interface ImageKitStage extends Stage {
  readonly imageKit: FakeImageKit;
}

function imageKitTest(name: string, run: (stage: ImageKitStage) => Promise<void>): void {
  peerTest({
    name,
    peer: CURL,
    async fn() {
      const imageKit = await startImageKit({ separateOrigins: true });
      try {
        await using place = await startPlace();
        await withStage(
          place,
          imageKitVariables(imageKit),
          (stage) => run({ ...stage, imageKit }),
        );
      } finally {
        await imageKit.close();
      }
    },
  });
}

imageKitTest(
  "a file goes over ImageKit to the host and back, with another server for each step",
  async ({ start, place, mine, imageKit, written }) => {
    const bytes = content(300_001);
    Deno.writeFileSync(mine, bytes);
    const remote_path = `${place.host.directory}/a 名.conf`;

    const first = await start();
    const request = { remote_path, permissions: 640 };
    const upload = succeeded(await first.call("imagekit_request_upload", request));
    await first.end();
    const stdout = await runWell(upload.upload_command, mine);
    assert.match(stdout, /\nHTTP 200\n$/);
    const second = await start();
    const { transfer_id } = upload;
    const done = succeeded(
      await second.call("imagekit_confirm_upload", { transfer_id, file_id: fileIdIn(stdout) }),
    );
    assert.deepEqual([done.bytes_transferred, done.verified, done.bridge_copy_deleted], [
      bytes.length,
      "sha256",
      true,
    ]);
    assert.ok(bytes.equals(Deno.readFileSync(remote_path)));
    assert.equal((Deno.statSync(remote_path).mode ?? 0) & 0o777, 0o640);
    assert.deepEqual(imageKit.objects(), []);
    assert.equal(codeOf(await second.call("imagekit_confirm_upload", { transfer_id })), GONE);

    const download = succeeded(await second.call("imagekit_request_download", { remote_path }));
    await second.end();
    await runWell(download.download_command, `${mine}.back`);
    assert.ok(bytes.equals(Deno.readFileSync(`${mine}.back`)));
    const third = await start();
    succeeded(
      await third.call("imagekit_confirm_download", { transfer_id: download.transfer_id }),
    );
    assert.deepEqual(imageKit.objects(), []);
    const again = await runHandedOut(String(download.download_command), `${mine}.again`);
    assert.notEqual(again.code, 0);
    await third.end();
    assert.equal(imageKit.holdsPrivateKey(written()), false);
    const ids = [transfer_id, download.transfer_id].map(String);
    assert.ok(ids.every((id) => !imageKit.holdsPrivateKey(atobLoose(id))), "in the transfer_id");
  },
);

const GONE = "not_found";

/** Decodes everything in a text that looks like base64. */
const atobLoose = (text: string): string =>
  text.split(/[^A-Za-z0-9+/_-]+/)
    .map((part) => new TextDecoder("latin1").decode(Buffer.from(part, "base64"))).join("\n");

imageKitTest(
  "imagekit_confirm_upload() can be repeated after the host could not take the file",
  async ({ start, place, mine, imageKit }) => {
    Deno.writeFileSync(mine, content(50_000));
    const server = await start();
    const directory = `${place.host.directory}/later`;
    const request = { remote_path: `${directory}/file` };
    const upload = succeeded(await server.call("imagekit_request_upload", request));
    await runWell(upload.upload_command, mine);
    const { transfer_id } = upload;
    assert.equal(codeOf(await server.call("imagekit_confirm_upload", { transfer_id })), GONE);
    assert.equal(imageKit.objects().length, 1);
    Deno.mkdirSync(directory);
    succeeded(await server.call("imagekit_confirm_upload", { transfer_id }));
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["file"]);
    await server.end();
  },
);

imageKitTest(
  "imagekit_confirm_upload() writes nothing when ImageKit fails, and says so",
  async ({ start, place, mine, imageKit }) => {
    Deno.writeFileSync(mine, content(50_000));
    const server = await start();
    const remote_path = `${place.host.directory}/file`;
    const upload = succeeded(await server.call("imagekit_request_upload", { remote_path }));
    const file_id = fileIdIn(await runWell(upload.upload_command, mine));
    const confirm = { transfer_id: upload.transfer_id, file_id };
    imageKit.faults.keyRevoked = true;
    const refused = await server.call("imagekit_confirm_upload", confirm);
    assert.equal(codeOf(refused), "authentication_failed", refused.text);
    assert.deepEqual([...Deno.readDirSync(place.host.directory)], []);
    imageKit.faults.keyRevoked = false;
    succeeded(await server.call("imagekit_confirm_upload", confirm));
    await server.end();
  },
);

imageKitTest(
  "a transfer_id that was altered, or made for another direction, is refused",
  async ({ start, place }) => {
    const server = await start();
    const remote_path = `${place.host.directory}/f`;
    const { transfer_id } = succeeded(
      await server.call("imagekit_request_upload", { remote_path }),
    );
    const altered = String(transfer_id).replace(/.$/, (last) => last === "A" ? "B" : "A");
    for (const id of [altered, "imagekit-1", ""]) {
      const answer = await server.call("imagekit_confirm_upload", { transfer_id: id });
      assert.equal(codeOf(answer), GONE, answer.text);
      assert.equal(answer.data.error, "Transfer not found or expired");
    }
    const wrongWay = await server.call("imagekit_confirm_download", { transfer_id });
    assert.equal(codeOf(wrongWay), "invalid_argument");
    await server.end();
  },
);

async function withContainer(
  options: { readonly bash: boolean },
  run: (pve: FakeProxmox, place: Place) => Promise<void>,
): Promise<void> {
  const pve = await installProxmox();
  try {
    await pve.addContainer({ ctid: 101, hostname: "web", status: "running", ...options });
    await using place = await startPlace({ env: { PATH: pve.binDirectory } });
    await run(pve, place);
  } finally {
    await pve.close();
  }
}

peerTest({
  name: "a file goes over ImageKit into a container and out of it",
  peer: [CURL, ...CONTAINERS],
  async fn() {
    const imageKit = await startImageKit();
    try {
      await withContainer({ bash: false }, async (pve, place) => {
        const env = { ...imageKitVariables(imageKit), ENABLE_PROXMOX: "true" };
        await withStage(place, env, async ({ start, mine }) => {
          const bytes = content(200_003);
          Deno.writeFileSync(mine, bytes);
          const inside = { ctid: 101, remote_path: "/opt/a b.bin" };
          const first = await start();
          const upload = succeeded(await first.call("imagekit_request_upload", inside));
          await first.end();
          const file_id = fileIdIn(await runWell(upload.upload_command, mine));
          const second = await start();
          const { transfer_id } = upload;
          succeeded(await second.call("imagekit_confirm_upload", { transfer_id, file_id }));
          assert.ok(bytes.equals(Deno.readFileSync(`${pve.rootfs(101)}/opt/a b.bin`)));
          const taken = await second.call("imagekit_request_upload", inside);
          assert.equal(codeOf(taken), "already_exists");
          const download = succeeded(await second.call("imagekit_request_download", inside));
          await runWell(download.download_command, `${mine}.back`);
          assert.ok(bytes.equals(Deno.readFileSync(`${mine}.back`)));
          succeeded(
            await second.call("imagekit_confirm_download", { transfer_id: download.transfer_id }),
          );
          await second.end();
          assert.deepEqual(imageKit.objects(), []);
        });
      });
    } finally {
      await imageKit.close();
    }
  },
});

// The exchange on R2

interface ExchangeStage extends Stage {
  readonly s3: S3Peer;
}

function exchangeTest(name: string, run: (stage: ExchangeStage) => Promise<void>): void {
  peerTest({
    name,
    peer: [SWIFT, CURL],
    async fn() {
      await using s3 = await startS3();
      await s3.createBucket(BUCKET);
      await using place = await startPlace();
      await withStage(place, exchangeVariables(s3), (stage) => run({ ...stage, s3 }));
    },
  });
}

exchangeTest(
  "a local file goes to the exchange and comes back into another one",
  async ({ start, place, mine, s3, written }) => {
    const bytes = content(400_001);
    Deno.writeFileSync(`${place.directory}/up.bin`, bytes);
    const server = await start();
    const local_path = "back/down.bin";
    const up = succeeded(await server.call("exchange_upload", { local_path: "up.bin" }));
    const { transfer_id, source_client } = up;
    const named = { transfer_id, source_client };
    const down = succeeded(await server.call("exchange_download", { ...named, local_path }));
    assert.deepEqual([down.bytes_transferred, down.sha256, down.verified], [
      bytes.length,
      up.sha256,
      "content",
    ]);
    assert.ok(bytes.equals(Deno.readFileSync(`${place.directory}/${local_path}`)));
    const again = await server.call("exchange_download", { ...named, local_path });
    assert.equal(codeOf(again), "already_exists", JSON.stringify(again));
    // The URL works without credentials.
    await runWell(up.download_command, mine);
    assert.ok(bytes.equals(Deno.readFileSync(mine)));
    const list = succeeded(await server.call("exchange_list"));
    assert.equal(list.count, 1);
    const gone = succeeded(await server.call("exchange_delete", named));
    assert.equal(gone.deleted, true);
    const none = { ...named, local_path: "none" };
    assert.equal(codeOf(await server.call("exchange_download", none)), "not_found");
    await server.end();
    assert.equal(written().includes(s3.secretKey), false);
  },
);

exchangeTest(
  "a file of the host goes to the exchange and back to the host, not over this machine's disk",
  async ({ start, place }) => {
    const bytes = content(5_000_001);
    const { directory } = place.host;
    Deno.writeFileSync(`${directory}/there 名.bin`, bytes);
    const server = await start();
    const up = succeeded(
      await server.call("exchange_upload", { remote_path: `${directory}/there 名.bin` }),
    );
    const down = succeeded(
      await server.call("exchange_download", {
        download_url: up.download_url,
        remote_path: "back.bin",
      }),
    );
    assert.equal(down.sha256, up.sha256);
    assert.ok(bytes.equals(Deno.readFileSync(`${directory}/back.bin`)));
    assert.deepEqual([...Deno.readDirSync(place.directory)], []);
    const both = { local_path: "x", remote_path: "y", download_url: up.download_url };
    assert.equal(codeOf(await server.call("exchange_download", both)), "invalid_argument");
    const missing = await server.call("exchange_upload", { remote_path: `${directory}/none` });
    assert.equal(codeOf(missing), "not_found");
    await server.end();
  },
);

exchangeTest(
  "somebody puts a file on the exchange with the command of exchange_request_upload",
  async ({ start, place, mine, s3, written }) => {
    const bytes = content(70_001);
    Deno.writeFileSync(mine, bytes);
    const server = await start();
    const request = succeeded(
      await server.call("exchange_request_upload", { filename: "logs 名.tgz" }),
    );
    assert.match(await runWell(request.upload_command, mine), /^HTTP 20\d\n/);
    const [first] = succeeded(await server.call("exchange_list")).transfers as {
      transfer_id: string;
      filename: string;
      size: number;
    }[];
    assert.deepEqual([first?.transfer_id, first?.filename, first?.size], [
      request.transfer_id,
      "logs 名.tgz",
      bytes.length,
    ]);
    const { transfer_id, source_client } = request;
    const wanted = { transfer_id, source_client, local_path: "logs.tgz" };
    succeeded(await server.call("exchange_download", wanted));
    assert.ok(bytes.equals(Deno.readFileSync(`${place.directory}/logs.tgz`)));
    await server.end();
    assert.equal(written().includes(s3.secretKey), false);
  },
);

exchangeTest(
  "an exchange that fails is told, and nothing is half written",
  async ({ start, place, s3 }) => {
    const server = await start();
    Deno.writeFileSync(`${place.directory}/f`, content(10_000));
    const up = succeeded(await server.call("exchange_upload", { local_path: "f" }));
    await s3.close();
    const download = { download_url: up.download_url, local_path: "g" };
    const answers = await Promise.all([
      server.call("exchange_download", download),
      server.call("exchange_upload", { local_path: "f" }),
      server.call("exchange_list"),
    ]);
    assert.deepEqual(answers.map(codeOf), ["unreachable", "unreachable", "unreachable"]);
    assert.deepEqual([...Deno.readDirSync(place.directory)].map(({ name }) => name), ["f"]);
    succeeded(await server.call("ssh_exec_command", { command: "true" }));
    await server.end();
  },
);

Deno.test("credentials that are half set leave a bridge off, by name, and the server works", async () => {
  await using place = await startPlace();
  const env = {
    ...place.env,
    ENABLE_IMAGEKIT: "true",
    IMAGEKIT_PUBLIC_KEY: "public_half",
    R2_SECRET_KEY: "secret-half-0f1e2d",
    R2_BUCKET: "exchange",
  };
  await using server = await connectServer({ env, cwd: place.directory });
  const names = (await server.client.listTools()).tools.map(({ name }) => name);
  assert.deepEqual(names.filter((name) => /^(imagekit|exchange)_/.test(name)), []);
  // Without the bridge, the plain file tools are listed.
  assert.ok(names.includes("ssh_upload_file"));
  const { data } = await server.call("ssh_exec_command", { command: "echo works" });
  assert.equal(data.stdout, "works\n");
  await server.end();
  const { stderr } = server.server;
  assert.match(stderr, /ImageKit .*IMAGEKIT_PRIVATE_KEY not set, IMAGEKIT_URL_ENDPOINT not set/);
  assert.match(stderr, /R2 .*R2_ACCOUNT_ID not set, R2_ACCESS_KEY not set/);
  assert.doesNotMatch(stderr, /secret-half/);
});
