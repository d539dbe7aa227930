import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createLogger } from "../../../../src/log.ts";
import { expose } from "../../../../src/rpc/expose.ts";
import { permissionTable } from "../../../../src/sandbox/permissions.ts";
import { spawn } from "../../../../src/sandbox/spawn.ts";
import { ImageKitService } from "../../../../src/transfers/imagekit/service.ts";
import type { TransfersPort } from "../../../../src/transfers/port.ts";
import { CURL, peerTest } from "../../../peers/require.ts";
import { configOf } from "../../../support/config.ts";
import { until } from "../../../support/until.ts";
import { startImageKit } from "../../../fakes/imagekit.ts";
import { containers, context, PNG, StagedFiles } from "../../imagekit/imagekit_stage.ts";
import { runUpload } from "../../run_upload.ts";

/** Starts the real worker with the permissions of its row, and files behind a real MessagePort. */
async function startReal() {
  const fake = await startImageKit({ separateOrigins: true });
  const config = configOf({
    ENABLE_IMAGEKIT: "true",
    IMAGEKIT_PUBLIC_KEY: fake.publicKey,
    IMAGEKIT_PRIVATE_KEY: fake.privateKey,
    IMAGEKIT_URL_ENDPOINT: fake.urlEndpoint,
    IMAGEKIT_API_URL: fake.apiUrl,
    IMAGEKIT_UPLOAD_URL: fake.uploadUrl,
  });
  const rights = permissionTable(config).find(({ worker }) => worker === "transfers");
  ok(rights !== undefined && config.imageKit !== undefined);
  const logger = createLogger("error");
  const worker = spawn<TransfersPort>(rights, logger);
  const { port1, port2 } = new MessageChannel();
  const files = new StagedFiles();
  expose(
    {
      ...files,
      async read(...args: Parameters<StagedFiles["read"]>) {
        const opened = await files.read(...args);
        return opened;
      },
      write: (...args: Parameters<StagedFiles["write"]>) => files.write(...args),
    },
    logger,
    port1,
  );
  port1.start();
  const { imageKit, r2, logLevel, secrets } = config;
  await worker.port.configure(
    { imageKit, r2, sweeps: true, logLevel, secrets },
    port2,
  );
  await until("the sweep", () => fake.requests.length > 0);
  const service = new ImageKitService({
    port: worker.port,
    ssh: { stat: (endpoint) => Promise.resolve().then(() => files.stat(endpoint)) },
    config: imageKit ?? config.imageKit,
    host: config.ssh.host,
    containers,
  });
  return {
    ...{ fake, files, service, rights },
    async [Symbol.asyncDispose]() {
      await worker.port.close(1_000);
      worker.terminate();
      port1.close();
      await fake.close();
    },
  };
}

peerTest({
  name: "the transfers worker carries a file over ImageKit with the permission net alone",
  peer: CURL,
  async fn() {
    await using real = await startReal();
    const { fake, files, service, rights } = real;
    deepEqual([rights.read, rights.write], [[], []]);
    deepEqual(
      rights.net,
      [fake.apiUrl, fake.uploadUrl, fake.urlEndpoint].map((url) => new URL(url).host),
    );
    const wish = { path: "/data/one.png", ctid: undefined, permissions: 600, overwrite: false };
    const upload = await service.requestUpload(wish, context());
    const output = await runUpload(upload.command.sh, PNG);
    match(output, /\nHTTP 200\n$/);
    const call = context();
    const { cleanup } = await service.confirmUpload(upload.transferId, undefined, call);
    deepEqual(files.files.get("/data/one.png"), { bytes: PNG, mode: 0o600 });
    deepEqual(cleanup, { deleted: true, purged: true });

    const download = await service.requestDownload(
      { path: "/data/one.png", ctid: undefined },
      context(),
    );
    deepEqual(await (await fetch(download.url)).bytes(), PNG);
    await service.confirmDownload(download.transferId, context());
    deepEqual(fake.objects(), []);
    // It swept its folder when it started.
    equal(fake.requests[0]?.operation, "list");
  },
});
