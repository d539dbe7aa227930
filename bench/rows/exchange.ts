import type { Server } from "../../tests/demo/server.ts";
import { CURL, SWIFT } from "../../tests/peers/require.ts";
import { type S3Peer, startS3 } from "../../tests/peers/s3.ts";
import { type Bench, interleave, type Rows, timed } from "../harness.ts";
import { figure, median } from "../numbers.ts";
import type { OpenSsh } from "../openssh.ts";
import { requirePeers } from "../peer_missing.ts";
import { runProgram, timedCurl } from "../programs.ts";
import type { Result } from "../table.ts";
import { randomContent } from "../transfers.ts";

const ROUNDS = 5;
const BYTES = 200_000_000;

/** Between the host and an S3 service, next to what one would do by hand: over a file on this machine. */
export const exchangeRows: Rows = {
  name: "exchange",
  about: "200 MB between the host and the exchange, against sftp and curl one after the other",
  async measure(bench) {
    requirePeers(CURL, SWIFT);
    await using s3 = await startS3();
    const bucket = await s3.createBucket("exchange");
    await using server = await bench.startServer({
      env: {
        R2_ENDPOINT: s3.endpoint,
        R2_ACCESS_KEY: s3.accessKey,
        R2_SECRET_KEY: s3.secretKey,
        R2_REGION: s3.region,
        R2_BUCKET: "exchange",
      },
    });
    await using openSsh = await bench.openSsh();
    return await measureBothWays(bench, { s3, bucket, server, openSsh });
  },
};

interface Ends {
  readonly s3: S3Peer;
  /** Without a slash at its end. */
  readonly bucket: string;
  readonly server: Server;
  readonly openSsh: OpenSsh;
}

async function measureBothWays(bench: Bench, ends: Ends): Promise<Result[]> {
  const { server, openSsh } = ends;
  const [there, back] = [`${bench.remote}/large.bin`, `${bench.remote}/back.bin`];
  const between = `${bench.local}/between.bin`;
  await Deno.writeFile(there, randomContent(BYTES), { mode: 0o644 });
  const startMb = residentMegabytes(server.pid, "VmRSS");
  let named = {};
  const samples = await interleave(ROUNDS, {
    ourPut: () => timed(async () => void (named = await upload(server, there))),
    ourGet: async () => {
      await Deno.remove(back).catch(() => {}); // it is not there in the first round
      const ms = await timed(() => download(server, named, back));
      await call(server, "exchange_delete", named);
      return ms;
    },
    theirPut: async () => {
      const { url } = await signed(ends, "PUT");
      return await timed(async () => {
        await openSsh.sftp(`get ${there} ${between}`);
        await runProgram("curl", ["-fsS", "-H", "Expect:", "-T", between, url]);
      });
    },
    theirGet: async () => {
      await Deno.remove(back);
      const { url } = await signed(ends, "GET");
      return await timedCurl(url, between, BYTES) +
        await timed(() => openSsh.sftp(`put ${between} ${back}`));
    },
    connecting: () => timed(() => openSsh.sftp("pwd")),
  });
  const peakMb = residentMegabytes(server.pid, "VmHWM");
  for (const path of [there, back, between]) await Deno.remove(path);
  return results(samples, { startMb, peakMb });
}

function results(
  samples: Readonly<Record<"ourPut" | "ourGet" | "theirPut" | "theirGet" | "connecting", number[]>>,
  { startMb, peakMb }: { readonly startMb: number; readonly peakMb: number },
): Result[] {
  const connectingMs = median(samples.connecting);
  const speed = (ms: readonly number[], offMs = 0) =>
    figure(ms.map((each) => BYTES / 1_000 / (each - offMs)));
  return [
    {
      what: "200 MB from the host to the exchange, against `sftp get` and `curl -T`",
      unit: "MB/s",
      ours: speed(samples.ourPut),
      theirs: speed(samples.theirPut, connectingMs),
      aim: { of: "ratio", least: 0.9, goal: 1 },
    },
    {
      what: "200 MB from the exchange to the host, against `curl -o` and `sftp put`",
      unit: "MB/s",
      ours: speed(samples.ourGet),
      theirs: speed(samples.theirGet, connectingMs),
      aim: { of: "ratio", least: 0.9, goal: 1 },
    },
    { what: "memory before the exchange", unit: "MB", ours: figure([startMb]) },
    { what: "most memory with the exchange", unit: "MB", ours: figure([peakMb]) },
  ];
}

async function upload(server: Server, remotePath: string): Promise<Record<string, unknown>> {
  const { transfer_id, source_client } = await call(server, "exchange_upload", {
    remote_path: remotePath,
  });
  return { transfer_id, source_client };
}

async function download(server: Server, named: object, remotePath: string): Promise<void> {
  const args = { ...named, remote_path: remotePath };
  const { verified } = await call(server, "exchange_download", args);
  if (verified !== "content") throw new Error(`The content was not verified: ${verified}`);
}

async function call(server: Server, name: string, args: object) {
  const { data, text, isError } = await server.call(name, { ...args });
  if (isError) throw new Error(`${name} has failed:\n${text}`);
  return data;
}

/** An address that curl can use without credentials. */
const signed = ({ s3, bucket }: Ends, method: "GET" | "PUT"): Promise<Request> =>
  s3.client.sign(`${bucket}/by_hand.bin?X-Amz-Expires=3600`, { method, aws: { signQuery: true } });

function residentMegabytes(pid: number, field: "VmRSS" | "VmHWM"): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, kibibytes] = new RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(status) ?? [];
  return Number(kibibytes) * 1024 / 1_000_000;
}
