import { LongCalls } from "../../../src/mcp/long_calls.ts";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import * as z from "zod";
import { noAudit } from "../../../src/mcp/audit.ts";
import { createCatalog } from "../../../src/mcp/catalog.ts";
import { callTool } from "../../../src/mcp/server.ts";
import { createLogger } from "../../../src/log.ts";
import { imageKitTools } from "../../../src/transfers/imagekit/tools.ts";
import type { ImageKitService } from "../../../src/transfers/imagekit/service.ts";
import { CURL, peerTest } from "../../peers/require.ts";
import { context, setStage } from "./imagekit_stage.ts";
import { shellText } from "../../support/command.ts";
import { runUpload } from "../run_upload.ts";
import { assertSameFacts } from "../../support/same_facts.ts";

/** Calls tools as an MCP client does, and records all answers. */
function client(service: ImageKitService) {
  const catalog = createCatalog(imageKitTools(service, new LongCalls(0)));
  const heard: string[] = [];
  const logger = createLogger("debug", [], (line) => void heard.push(line));
  const parts = { version: "0", catalog, instructions: "", audit: noAudit, logger };
  return {
    catalog,
    heard,
    async call(name: string, args: Record<string, unknown>) {
      const result = await callTool(parts, name, args, context());
      heard.push(JSON.stringify(result));
      const [block] = result.content;
      const text = block?.type === "text" ? block.text : "";
      if (args.response_format === undefined) assertSameFacts(name, text, result.structuredContent);
      return {
        isError: result.isError ?? false,
        text,
        data: record.parse(result.structuredContent),
      };
    },
  };
}

const record = z.record(z.string(), z.unknown());

/** Returns a text of an answer, such as its command. */
const said = (data: Record<string, unknown>, name: string): string => z.string().parse(data[name]);

peerTest({
  name: "imagekit_request_upload and imagekit_confirm_upload transfer a file to the host",
  peer: CURL,
  async fn() {
    await using stage = await setStage();
    const { call } = client(stage.service());
    const asked = await call("imagekit_request_upload", {
      remote_path: "/etc/a",
      permissions: 600,
    });
    deepEqual(Object.keys(asked.data), [
      "transfer_id",
      "upload_command",
      "upload_command_powershell",
      "quoting",
      "expires_in",
      "max_bytes",
    ]);
    equal(asked.data.expires_in, 3_300);
    const command = said(asked.data, "upload_command");
    ok(asked.text.includes(command) && asked.text.includes("works once"));
    match(asked.text, /write " as \\"/);
    await runUpload(command, "content");
    const { transfer_id } = asked.data;
    const done = await call("imagekit_confirm_upload", { transfer_id, response_format: "json" });
    equal(done.data.success, true);
    equal(done.data.message, "Successfully uploaded to host: /etc/a");
    equal(done.data.remote_path, "/etc/a");
    equal(done.data.bytes_transferred, 7);
    equal(done.data.permissions, "600");
    equal(done.data.bridge_copy_deleted, true);
    deepEqual(JSON.parse(done.text), done.data);
  },
});

peerTest({
  name: "imagekit_request_download and imagekit_confirm_download transfer a file to the user",
  peer: CURL,
  async fn() {
    await using stage = await setStage();
    stage.files.put("101:/etc/app.conf", "content");
    const { call } = client(stage.service());
    const asked = await call("imagekit_request_download", {
      remote_path: "/etc/app.conf",
      ctid: 101,
    });
    const transfer_id = said(asked.data, "transfer_id");
    const download_command = said(asked.data, "download_command");
    const download_url = said(asked.data, "download_url");
    equal(download_command, `curl -fsSL -o '<YOUR_FILE_PATH>' '${download_url}'`);
    match(download_url, /\?tr=orig-true&ik-t=\d+&ik-s=[0-9a-f]{40}$/);
    ok(asked.text.includes(download_command) && asked.text.includes(transfer_id));
    const directory = await Deno.makeTempDir();
    try {
      await shellText(download_command.replace("<YOUR_FILE_PATH>", `${directory}/file`));
      equal(await Deno.readTextFile(`${directory}/file`), "content");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
    const done = await call("imagekit_confirm_download", { transfer_id });
    deepEqual(done.data, {
      success: true,
      message: "Download completed and cleaned up",
      remote_path: "/etc/app.conf",
      ctid: 101,
      bytes_transferred: 0,
      bridge_copy_deleted: true,
      cache_purged: true,
    });
    match(done.text, /^\[SUCCESS\] Download completed and cleaned up\n/);
    match(done.text, /deleted, and purged/);
  },
});

Deno.test("the ImageKit tools refuse a text that is not an id with the promised message", async () => {
  await using stage = await setStage();
  const { call } = client(stage.service());
  for (const tool of ["imagekit_confirm_upload", "imagekit_confirm_download"]) {
    const refused = await call(tool, { transfer_id: "abc-123-def-456" });
    equal(refused.isError, true);
    equal(refused.data.error, "Transfer not found or expired");
    equal(refused.data.code, "not_found");
  }
});

Deno.test("the ImageKit tools refuse invalid arguments", async () => {
  await using stage = await setStage();
  const { call } = client(stage.service());
  const refused = async (tool: string, args: Record<string, unknown>) => {
    const { isError, data } = await call(tool, args);
    equal(isError, true);
    equal(data.code, "invalid_argument", JSON.stringify(args));
  };
  const remote_path = "/etc/a";
  await refused("imagekit_request_upload", {});
  await refused("imagekit_request_upload", { remote_path: "" });
  await refused("imagekit_request_upload", { remote_path: "a".repeat(4_097) });
  await refused("imagekit_request_upload", { remote_path: "/a/../b" });
  await refused("imagekit_request_upload", { remote_path, permissions: 888 });
  await refused("imagekit_request_upload", { remote_path, ctid: 99 });
  await refused("imagekit_request_upload", { remote_path, ctid: 1_000_000_000 });
  await refused("imagekit_request_upload", { remote_path, mode: 644 });
  await refused("imagekit_request_download", { remote_path, overwrite: true });
  await refused("imagekit_confirm_upload", { transfer_id: "x", file_id: "../../secret" });
  equal(stage.fake.requests.length, 0);
});

Deno.test("the ImageKit tools describe every argument and their effect", async () => {
  await using stage = await setStage();
  const { list } = client(stage.service()).catalog;
  deepEqual(list.map(({ name, annotations }) => [name, annotations?.destructiveHint]), [
    ["imagekit_request_upload", false],
    ["imagekit_confirm_upload", true],
    ["imagekit_request_download", false],
    ["imagekit_confirm_download", true],
  ]);
  for (const { name, inputSchema } of list) {
    for (const [argument, schema] of Object.entries(inputSchema.properties ?? {})) {
      ok(Object.hasOwn(Object(schema), "description"), `${name} ${argument}`);
    }
  }
});

peerTest({
  name: "the private key is in no answer, command, URL, log line or recorded request",
  peer: CURL,
  async fn() {
    await using stage = await setStage();
    stage.files.put("/data/file", "content");
    const { call, heard } = client(stage.service());
    const upload = await call("imagekit_request_upload", { remote_path: "/data/new" });
    heard.push(await runUpload(said(upload.data, "upload_command"), "content"));
    stage.fake.failNext("delivery", { kind: "html", status: 500 }, 4);
    const { transfer_id } = upload.data;
    await call("imagekit_confirm_upload", { transfer_id });
    await call("imagekit_confirm_upload", { transfer_id });
    const download = await call("imagekit_request_download", { remote_path: "/data/file" });
    heard.push(await shellText(`curl -s '${said(download.data, "download_url")}'`));
    stage.fake.faults.keyRevoked = true;
    await call("imagekit_confirm_download", { transfer_id: download.data.transfer_id });
    await call("imagekit_request_download", { remote_path: "/data/file" });
    await stage.fake.close();
    await call("imagekit_request_download", { remote_path: "/data/file" });

    ok(heard.length >= 9 && stage.fake.requests.length >= 10);
    equal(stage.fake.holdsPrivateKey([...heard, ...stage.logged].join("\n")), false);
    for (const { headers, ...rest } of stage.fake.requests) {
      const { authorization: _, ...others } = headers;
      equal(stage.fake.holdsPrivateKey(JSON.stringify([others, rest])), false);
    }
    // Proves that the check finds a key.
    equal(stage.fake.holdsPrivateKey(JSON.stringify(stage.fake.requests)), true);
  },
});

for (const minutes of [20, -20, 70, -70]) {
  peerTest({
    name: `the ImageKit tools name a clock that is ${minutes} minutes ahead`,
    peer: CURL,
    async fn() {
      await using stage = await setStage({ aheadMs: minutes * 60_000 });
      const { call } = client(stage.service());
      const asked = await call("imagekit_request_upload", { remote_path: "/etc/a" });
      await runUpload(said(asked.data, "upload_command"), "content").catch(() => {});
      const args = { transfer_id: said(asked.data, "transfer_id") };
      const confirmed = await call("imagekit_confirm_upload", args);
      equal(confirmed.isError, true, confirmed.text);
      match(
        confirmed.text,
        new RegExp(`the clock of this machine is ${Math.abs(minutes)} minutes`),
      );
      match(confirmed.text, /timedatectl/);
      stage.files.put("/etc/b", "content");
      const offered = await call("imagekit_request_download", { remote_path: "/etc/b" });
      if (minutes === -70) {
        return match(offered.text, /the clock of this machine is 70 minutes behind/);
      }
      equal(offered.isError, false, offered.text);
      equal(offered.data.expires_in, minutes === -20 ? 2_100 : 3_300);
      const response = await fetch(said(offered.data, "download_url"));
      equal(await response.text(), "content");
    },
  });
}

peerTest({
  name: "imagekit_confirm_upload claims neither a hash nor a cleanup that did not happen",
  peer: CURL,
  async fn() {
    await using stage = await setStage();
    const { call } = client(stage.service());
    const asked = await call("imagekit_request_upload", { remote_path: "/etc/a" });
    await runUpload(said(asked.data, "upload_command"), "content");
    stage.files.verified = "size";
    stage.fake.failNext("delete", { kind: "html", status: 500 }, 10);
    const args = { transfer_id: said(asked.data, "transfer_id") };
    const done = await call("imagekit_confirm_upload", args);
    equal(done.isError, false, done.text);
    deepEqual([done.data.verified, done.data.bridge_copy_deleted, done.data.cache_purged], [
      "size",
      false,
      false,
    ]);
  },
});
