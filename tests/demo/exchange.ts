import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { FakeProxmox } from "../fakes/proxmox/install.ts";
import { type FakeS3, startFakeS3 } from "../fakes/s3.ts";
import { carryOut, shortened } from "./by_hand.ts";
import { containerVariables, startContainer } from "./node.ts";
import { type Answer, type Server, startServer } from "./server.ts";
import type { Step, Tour } from "./tour.ts";

const content = randomBytes(500_000);
const CTID = 101;

let s3: FakeS3 | undefined;
let pve: FakeProxmox | undefined;
let whyNoContainer: string | undefined;
let requested: Answer["data"] = {};
/** Knows of the first server's transfers only what the bucket tells. */
let second: Server | undefined;

const request: Step = {
  title: "A command with which somebody without credentials can put one file there",
  async run({ server }) {
    const args = { filename: "app of the demo.conf", size: content.length };
    const { data, text, isError } = await server.call("exchange_request_upload", args);
    assert.equal(isError, false, text);
    requested = data;
    return [`Transfer: ${data.transfer_id}`, ...shortened(String(data.upload_command))];
  },
};

const arriveAfterRestart: Step = {
  title: "The command, by hand; then the server is RESTARTED; the file goes on to the host",
  async run(stage) {
    const mine = `${stage.directory}/my file; really.conf`;
    await Deno.writeFile(mine, content);
    const { stdout, how } = await carryOut(String(requested.upload_command), mine);
    assert.match(stdout, /HTTP 200\n$/);
    await stage.server.close();
    const { program, directory, env } = stage;
    second = await startServer({ program, cwd: directory, env });
    const list = await call("exchange_list", {});
    assert.equal(list.data.count, 1);
    const remote_path = `${stage.host.directory}/app.conf`;
    const { text } = await call("exchange_download", { ...named(requested), remote_path });
    assert.ok(content.equals(await Deno.readFile(remote_path)), "other bytes have arrived");
    return [how, "HTTP 200", "", ...list.text.split("\n"), "", ...text.split("\n")];
  },
};

const container: Step = {
  title: "Into a container and out of it (ctid), past this machine's disk",
  leftOut: () => whyNoContainer,
  async run(stage) {
    assert.ok(pve);
    const inside = { remote_path: "/opt/app of the demo.conf", ctid: CTID };
    const down = await call("exchange_download", { ...named(requested), ...inside });
    const judge = await Deno.readFile(`${pve.rootfs(CTID)}${inside.remote_path}`);
    assert.ok(content.equals(judge), "other bytes have arrived");
    const up = await call("exchange_upload", inside);
    assert.equal(up.data.sha256, down.data.sha256);
    const back = `${stage.directory}/came back.conf`;
    await carryOut(String(up.data.download_command), back);
    assert.ok(content.equals(await Deno.readFile(back)), "other bytes have come back");
    await call("exchange_delete", named(up.data));
    const command = shortened(String(up.data.download_command));
    return [...down.text.split("\n"), "", ...command, "", "Compared: all the same"];
  },
};

const noOtherAddress: Step = {
  title: "An address of any other machine is not fetched",
  async run() {
    assert.ok(second);
    const args = { download_url: "http://169.254.169.254/latest/meta-data/", local_path: "x" };
    const { data, text, isError } = await second.call("exchange_download", args);
    assert.deepEqual([isError, data.code], [true, "not_permitted"]);
    return text.split("\n");
  },
};

const remove: Step = {
  title: "What is not needed any more is deleted",
  async run() {
    const { text } = await call("exchange_delete", named(requested));
    assert.equal(s3?.objects.size, 0, "a copy is left on the exchange");
    return [text];
  },
};

const named = ({ transfer_id, source_client }: Answer["data"]) => ({ transfer_id, source_client });

/** Calls a tool of the second server. */
async function call(name: string, args: Readonly<Record<string, unknown>>): Promise<Answer> {
  assert.ok(second);
  const answer = await second.call(name, args);
  assert.equal(answer.isError, false, answer.text);
  return answer;
}

/** Files between machines that reach nothing in common but a bucket. */
export const exchangeTour: Tour = {
  title: "Files over a bucket, as on Cloudflare R2 (a stand-in for the service)",
  async prepare() {
    const service = startFakeS3();
    s3 = service;
    const { node, reason } = await startContainer(CTID);
    [pve, whyNoContainer] = [node, reason];
    const { host, env } = containerVariables(node);
    return {
      host,
      env: {
        ...env,
        R2_ENDPOINT: service.endpoint,
        R2_ACCESS_KEY: service.accessKey,
        R2_SECRET_KEY: service.secretKey,
        R2_BUCKET: service.bucket,
      },
      async close() {
        await second?.close();
        await service[Symbol.asyncDispose]();
        await node?.close();
      },
    };
  },
  steps: [request, arriveAfterRestart, container, noOtherAddress, remove],
};
