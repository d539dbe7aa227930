import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { loadConfig } from "../../../../src/config/load.ts";
import { thisMachine } from "../../../../src/config/paths.ts";
import { RemoteExecError } from "../../../../src/errors.ts";
import { createLogger } from "../../../../src/log.ts";
import { permissionTable, type WorkerName } from "../../../../src/sandbox/permissions.ts";
import { spawn } from "../../../../src/sandbox/spawn.ts";
import { shellQuote } from "../../../../src/shell/quote.ts";
import type { Endpoint, SshPort } from "../../../../src/ssh/port.ts";
import { SshService } from "../../../../src/ssh/service.ts";
import { ImageKitService } from "../../../../src/transfers/imagekit/service.ts";
import type { TransfersPort } from "../../../../src/transfers/port.ts";
import { type FakeImageKit, startImageKit } from "../../../fakes/imagekit.ts";
import { CURL, peerTest } from "../../../peers/require.ts";
import { type Place, startPlace } from "../../../support/places.ts";
import { context, PNG, sha256 } from "../../imagekit/imagekit_stage.ts";
import { shellText } from "../../../support/command.ts";
import { runUpload } from "../../run_upload.ts";

/** Starts both workers with their permissions, connected by a channel, as the program does. */
async function startServer(place: Place, fake: FakeImageKit) {
  const env = {
    ...place.env,
    ENABLE_IMAGEKIT: "true",
    IMAGEKIT_PUBLIC_KEY: fake.publicKey,
    IMAGEKIT_PRIVATE_KEY: fake.privateKey,
    IMAGEKIT_URL_ENDPOINT: fake.urlEndpoint,
    IMAGEKIT_API_URL: fake.apiUrl,
    IMAGEKIT_UPLOAD_URL: fake.uploadUrl,
    IMAGEKIT_MAX_FILE_SIZE: "3000000",
  };
  const loaded = loadConfig(env, thisMachine(env));
  ok(loaded.ok);
  const { ssh, limits, files, imageKit, r2, logLevel, secrets } = loaded.config;
  ok(imageKit !== undefined);
  const logger = createLogger("error", secrets);
  const start = <Port extends object>(name: WorkerName) => {
    const rights = permissionTable(loaded.config).find(({ worker }) => worker === name);
    ok(rights !== undefined);
    return spawn<Port>(rights, logger);
  };
  const sshWorker = start<SshPort>("ssh");
  const transfers = start<TransfersPort>("transfers");
  const { port1, port2 } = new MessageChannel();
  await sshWorker.port.configure({ ssh, limits, files, logLevel, secrets });
  await sshWorker.port.serveFiles(port1, {
    kinds: ["host", "shell"],
    write: true,
    shellPrefix: "env CTID=<number>",
  });
  await transfers.port.configure(
    { imageKit, r2, sweeps: true, logLevel, secrets },
    port2,
  );
  const service = new ImageKitService({
    port: transfers.port,
    ssh: new SshService(sshWorker.port, limits),
    config: imageKit,
    host: ssh.host,
    containers: { endpoint: behindCommand, problem: (_ctid, error) => Promise.resolve(error) },
  });
  return {
    service,
    async [Symbol.asyncDispose]() {
      await Promise.all([transfers.port.close(1_000), sshWorker.port.close(1_000)]);
      transfers.terminate();
      sshWorker.terminate();
    },
  };
}

/** Replaces a container: a command that only sets a variable. */
const behindCommand = (ctid: number, path: string): Endpoint => ({
  kind: "shell",
  prefix: `env CTID=${ctid}`,
  path,
  label: `container ${ctid}`,
});

const LARGE = new Uint8Array(2_000_000).map((_, index) => (index * 31) % 251);

async function withServers(
  work: (parts: {
    fake: FakeImageKit;
    directory: string;
    server(): ReturnType<typeof startServer>;
  }) => Promise<void>,
): Promise<void> {
  await using place = await startPlace();
  const fake = await startImageKit({ separateOrigins: true });
  try {
    const server = () => startServer(place, fake);
    await work({ fake, directory: place.host.directory, server });
  } finally {
    await fake.close();
  }
}

const wish = (path: string, change: object = {}) => ({
  ...{ path, ctid: undefined, permissions: undefined, overwrite: false },
  ...change,
});

peerTest({
  name: "an upload reaches the host although the server restarts between its phases",
  peer: CURL,
  fn: () =>
    withServers(async ({ fake, directory, server }) => {
      const path = `${directory}/it's a "file"; really.bin`;
      const asked = await askOnce(server, path);
      const output = await runUpload(asked.command.sh, LARGE);
      const fileId = /"fileId":"([0-9a-f]{24})"/.exec(output)?.[1];
      await using second = await server();
      const { outcome, cleanup } = await second.service.confirmUpload(
        asked.transferId,
        fileId,
        context(),
      );
      deepEqual(await Deno.readFile(path), LARGE);
      equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o640);
      deepEqual([outcome.bytes, outcome.verified], [LARGE.length, "sha256"]);
      match(await shellText(`sha256sum < ${shellQuote(path)}`), new RegExp(`^${outcome.sha256} `));
      deepEqual(cleanup, { deleted: true, purged: true });
      deepEqual(fake.objects(), []);
      deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name).length, 1);
    }),
});

async function askOnce(server: () => ReturnType<typeof startServer>, path: string) {
  await using first = await server();
  return await first.service.requestUpload(wish(path, { permissions: 640 }), context());
}

peerTest({
  name: "a broken delivery keeps the old file, and the copy for another call",
  peer: CURL,
  fn: () =>
    withServers(async ({ fake, directory, server }) => {
      const path = `${directory}/file`;
      await Deno.writeTextFile(path, "old");
      await using running = await server();
      const { service } = running;
      const asked = await service.requestUpload(wish(path, { overwrite: true }), context());
      await runUpload(asked.command.sh, LARGE);
      fake.faults.delivery = "cut";
      await rejects(
        service.confirmUpload(asked.transferId, undefined, context()),
        (error) => error instanceof RemoteExecError && error.code === "unreachable",
      );
      equal(await Deno.readTextFile(path), "old");
      fake.faults.delivery = "whole";
      await service.confirmUpload(asked.transferId, undefined, context());
      deepEqual(await Deno.readFile(path), LARGE);
      deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["file"]);
    }),
});

peerTest({
  name: "a download leaves the host and a container byte for byte",
  peer: CURL,
  fn: () =>
    withServers(async ({ fake, directory, server }) => {
      await using running = await server();
      const { service } = running;
      for (const [ctid, bytes] of [[undefined, PNG], [101, LARGE]] as const) {
        const path = `${directory}/source ${ctid}`;
        await Deno.writeFile(path, bytes);
        const offer = await service.requestDownload({ path, ctid }, context());
        deepEqual([offer.bytes, offer.sha256], [bytes.length, sha256(bytes)]);
        const target = `${directory}/target`;
        equal(await shellText(offer.command.sh.replace("<YOUR_FILE_PATH>", target)), "");
        deepEqual(await Deno.readFile(target), bytes);
        await service.confirmDownload(offer.transferId, context());
      }
      deepEqual(fake.objects(), []);
    }),
});

peerTest({
  name: "a file is written into a container, and an existing one is reported",
  peer: CURL,
  fn: () =>
    withServers(async ({ directory, server }) => {
      await using running = await server();
      const { service } = running;
      const path = `${directory}/inside`;
      const asked = await service.requestUpload(wish(path, { ctid: 101 }), context());
      await runUpload(asked.command.sh, "inside");
      await service.confirmUpload(asked.transferId, undefined, context());
      equal(await Deno.readTextFile(path), "inside");
      const refused = async (promise: Promise<unknown>, message: string) =>
        await rejects(
          promise,
          (error) => error instanceof RemoteExecError && error.message === message,
        );
      await refused(
        service.requestUpload(wish(path, { ctid: 101 }), context()),
        `File already exists in container 101: ${path}`,
      );
      await refused(
        service.requestUpload(wish(path), context()),
        `File already exists on host: ${path}`,
      );
      await refused(
        service.requestDownload({ path: `${directory}/none`, ctid: 101 }, context()),
        `File not found in container 101: ${directory}/none`,
      );
      await refused(
        service.requestDownload({ path: `${directory}/none`, ctid: undefined }, context()),
        `File not found in host: ${directory}/none`,
      );
    }),
});

Deno.test("files that are too large, empty or of unknown size are distinguished on a real host", () =>
  withServers(async ({ fake, directory, server }) => {
    await using running = await server();
    const ask = (path: string) =>
      running.service.requestDownload({ path, ctid: undefined }, context());
    const hasCode = (code: string) => (error: unknown) =>
      error instanceof RemoteExecError && error.code === code;
    await Deno.writeFile(`${directory}/large`, new Uint8Array(3_000_001));
    await Deno.writeFile(`${directory}/empty`, new Uint8Array());
    await rejects(ask(`${directory}/large`), hasCode("too_large"));
    await rejects(ask(`${directory}/empty`), hasCode("unsupported"));
    equal(fake.requests.some(({ operation }) => operation === "upload"), false);
    const version = await Deno.readFile("/proc/version");
    equal((await ask("/proc/version")).sha256, sha256(version));
  }));
