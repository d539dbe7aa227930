import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type FakeImageKit, startImageKit } from "../fakes/imagekit.ts";
import type { FakeProxmox } from "../fakes/proxmox/install.ts";
import { fileIdIn } from "../support/handed_out.ts";
import { carryOut, shortened } from "./by_hand.ts";
import { containerVariables, startContainer } from "./node.ts";
import { type Answer, type Server, startServer } from "./server.ts";
import type { Stage, Step, Tour } from "./tour.ts";

const content = randomBytes(500_000);
const CTID = 101;

let imageKit: FakeImageKit | undefined;
let pve: FakeProxmox | undefined;
let whyNoContainer: string | undefined;
let prepared: Answer["data"] = {};
/** Knows of the first server's transfers only what their ids tell. */
let second: Server | undefined;

const otherTools: Step = {
  title: "With ImageKit on, files go no other way: its tools are in place of the file tools",
  async run({ server }) {
    const names = (await server.tools()).map(({ name }) => name);
    const moving = names.filter((name) =>
      /^(?!proxmox_).*(up|down)load(?!_(link|stats))/.test(name)
    ).sort();
    assert.deepEqual(moving, [
      "imagekit_confirm_download",
      "imagekit_confirm_upload",
      "imagekit_request_download",
      "imagekit_request_upload",
    ]);
    return moving;
  },
};

const requestUpload: Step = {
  title: "Step 1 of an upload: the server hands out a command, for a machine that it cannot reach",
  async run({ server, host }) {
    const args = { remote_path: `${host.directory}/app.conf`, permissions: 640 };
    const { data, text, isError } = await server.call("imagekit_request_upload", args);
    assert.equal(isError, false, text);
    prepared = data;
    return shortened(String(data.upload_command));
  },
};

const confirmAfterRestart: Step = {
  title: "Step 2, by hand; then the server is RESTARTED; step 3: the file is on the host",
  async run(stage) {
    const { stdout, how } = await carryOut(String(prepared.upload_command), await myFile(stage));
    assert.match(stdout, /\nHTTP 200\n$/);
    await stage.server.close();
    const confirm = { transfer_id: prepared.transfer_id, file_id: fileIdIn(stdout) };
    const { program, directory, env } = stage;
    second = await startServer({ program, cwd: directory, env });
    const { text } = await call("imagekit_confirm_upload", confirm);
    const arrived = `${stage.host.directory}/app.conf`;
    assert.ok(content.equals(await Deno.readFile(arrived)), "other bytes have arrived");
    assert.equal(((await Deno.stat(arrived)).mode ?? 0) & 0o777, 0o640);
    assert.deepEqual(imageKit?.objects(), [], "a copy is left on ImageKit");
    return [how, "HTTP 200", "", ...text.split("\n")];
  },
};

const download: Step = {
  title: "And back: request, command, confirm",
  async run(stage) {
    const file = { remote_path: `${stage.host.directory}/app.conf` };
    return await fetchBack(stage, file);
  },
};

const container: Step = {
  title: "The same into a container and out of it (ctid)",
  leftOut: () => whyNoContainer,
  async run(stage) {
    assert.ok(pve);
    const file = { remote_path: "/opt/app of the demo.conf", ctid: CTID };
    const request = await call("imagekit_request_upload", file);
    const { transfer_id, upload_command } = request.data;
    const { stdout } = await carryOut(String(upload_command), await myFile(stage));
    const confirm = { transfer_id, file_id: fileIdIn(stdout) };
    const { text } = await call("imagekit_confirm_upload", confirm);
    const judge = await Deno.readFile(`${pve.rootfs(CTID)}${file.remote_path}`);
    assert.ok(content.equals(judge), "other bytes have arrived");
    return [...text.split("\n"), "", ...await fetchBack(stage, file)];
  },
};

async function fetchBack(
  stage: Stage,
  file: { readonly remote_path: string; readonly ctid?: number },
): Promise<string[]> {
  const { data } = await call("imagekit_request_download", file);
  const back = `${stage.directory}/came back${file.ctid ?? ""}.conf`;
  await carryOut(String(data.download_command), back);
  assert.ok(content.equals(await Deno.readFile(back)), "other bytes have come back");
  const { transfer_id } = data;
  const { text } = await call("imagekit_confirm_download", { transfer_id });
  assert.deepEqual(imageKit?.objects(), [], "a copy is left on ImageKit");
  const command = shortened(String(data.download_command));
  return [...command, "", ...text.split("\n"), "", "Compared: all the same"];
}

/** Calls a tool of the second server. */
async function call(name: string, args: Readonly<Record<string, unknown>>): Promise<Answer> {
  assert.ok(second);
  const answer = await second.call(name, args);
  assert.equal(answer.isError, false, answer.text);
  return answer;
}

async function myFile({ directory }: Stage): Promise<string> {
  const path = `${directory}/my file; really.conf`;
  await Deno.writeFile(path, content);
  return path;
}

/** Files for a machine that the server cannot reach, over a storage service that both reach. */
export const imageKitTour: Tour = {
  title: "Files over ImageKit, when the client sits elsewhere (a stand-in for the service)",
  async prepare() {
    const service = await startImageKit();
    imageKit = service;
    const { node, reason } = await startContainer(CTID);
    [pve, whyNoContainer] = [node, reason];
    const { host, env } = containerVariables(node);
    return {
      host,
      env: {
        ...env,
        ENABLE_IMAGEKIT: "true",
        IMAGEKIT_PUBLIC_KEY: service.publicKey,
        IMAGEKIT_PRIVATE_KEY: service.privateKey,
        IMAGEKIT_URL_ENDPOINT: service.urlEndpoint,
        IMAGEKIT_API_URL: service.apiUrl,
        IMAGEKIT_UPLOAD_URL: service.uploadUrl,
      },
      async close() {
        await second?.close();
        await service.close();
        await node?.close();
      },
    };
  },
  steps: [otherTools, requestUpload, confirmAfterRestart, download, container],
};
