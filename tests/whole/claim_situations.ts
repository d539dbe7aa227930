/** Situations in which a claim of an answer has another value than usual. */
import assert from "node:assert/strict";
import { ask, PROGRAM } from "../downloads/http.ts";
import type { FakeObject } from "../fakes/s3.ts";
import { runHandedOut } from "../support/handed_out.ts";
import type { ToolResult } from "../support/server.ts";
import type { Args, FullStage, Servers } from "./full_stage.ts";
import { uploadOver } from "./tool_calls.ts";

/** The stage with its guests, two servers, and a host whose programs for sha256 can vanish. */
export interface Situation extends FullStage {
  readonly servers: Servers;
  readonly setHasHash: (has: boolean) => void;
}

const HOUR_MS = 3_600_000;

/** Returns the data of a call that must succeed. */
export function succeeded({ data, text, isError }: ToolResult): Record<string, unknown> {
  assert.equal(isError, false, text);
  return data;
}

async function toExchange({ servers }: Situation): Promise<{ id: Args; key: string }> {
  const up = succeeded(await servers.call("exchange_upload", { local_path: "f.txt" }));
  const { transfer_id, source_client, key } = up;
  return { id: { transfer_id, source_client }, key: String(key) };
}

/** Changes the stored headers of an object. */
function changeObject({ s3 }: Situation, key: string, headers: FakeObject["headers"]): void {
  const object = s3.objects.get(key);
  assert.ok(object, key);
  s3.objects.set(key, { ...object, headers: { ...object.headers, ...headers } });
}

/** The object has no hash of its own, and is encrypted, so that its ETag is none either. */
export async function withoutStoredHash(situation: Situation): Promise<void> {
  const { id, key } = await toExchange(situation);
  const download = async () => {
    const args = { ...id, local_path: "ex.txt", overwrite: true };
    return succeeded(await situation.servers.call("exchange_download", args)).verified;
  };
  assert.equal(await download(), "content");
  changeObject(situation, key, {
    "x-amz-meta-sha256": "",
    "x-amz-server-side-encryption": "aws:kms",
  });
  assert.equal(await download(), "size");
}

export async function expiredTransfer(situation: Situation): Promise<void> {
  const { id, key } = await toExchange(situation);
  const expired = async () => {
    const { transfers } = succeeded(await situation.servers.call("exchange_list"));
    return (transfers as { transfer_id: string; expired: boolean }[])
      .find(({ transfer_id }) => transfer_id === id.transfer_id)?.expired;
  };
  assert.equal(await expired(), false);
  const past = new Date(Date.now() - HOUR_MS).toISOString();
  changeObject(situation, key, {
    "x-amz-meta-uploaded_at": past,
    "x-amz-meta-expires_at": past,
  });
  const object = situation.s3.objects.get(key);
  if (object !== undefined) object.storedAtMs -= HOUR_MS;
  assert.equal(await expired(), true);
}

export async function deletedTwice(situation: Situation): Promise<void> {
  const { id } = await toExchange(situation);
  for (const deleted of [true, false]) {
    const answer = await situation.servers.call("exchange_delete", id);
    assert.equal(succeeded(answer).deleted, deleted);
  }
}

/** A service other than R2 cannot be relied on to refuse a second upload, and this one takes it. */
export async function secondUpload({ servers, place }: Situation): Promise<void> {
  const request = { filename: "x.txt" };
  const { upload_command, write_once } = succeeded(
    await servers.call("exchange_request_upload", request),
  );
  assert.equal(write_once, false);
  for (let count = 0; count < 2; count++) {
    const { stdout } = await runHandedOut(String(upload_command), `${place.directory}/f.txt`);
    assert.match(stdout, /^HTTP 200\n/);
  }
}

/** Requests of more attempts than the program makes. */
const ALWAYS = 20;

export async function bridgeCopyStays(situation: Situation): Promise<void> {
  const { servers, imageKit, place } = situation;
  const upload = await uploadOver(situation, "stays.txt");
  const request = { remote_path: `${place.host.directory}/f.txt` };
  const { transfer_id } = succeeded(await servers.call("imagekit_request_download", request));
  const before = imageKit.objects().length;
  imageKit.failNext("delete", { kind: "json", status: 400, message: "No" }, 2);
  const up = succeeded(await servers.call("imagekit_confirm_upload", upload));
  assert.deepEqual([up.bridge_copy_deleted, up.cache_purged], [false, false]);
  // To delete the copy is all that this tool does, so it fails instead.
  const down = await servers.call("imagekit_confirm_download", { transfer_id });
  assert.deepEqual([down.isError, down.data.bridge_copy_deleted], [true, undefined]);
  assert.equal(imageKit.objects().length, before);
  const again = succeeded(await servers.call("imagekit_confirm_download", { transfer_id }));
  assert.equal(again.bridge_copy_deleted, true);
}

export async function cacheNotPurged(situation: Situation): Promise<void> {
  const { servers, imageKit, place } = situation;
  const upload = await uploadOver(situation, "cached.txt");
  const request = { remote_path: `${place.host.directory}/f.txt` };
  const { transfer_id } = succeeded(await servers.call("imagekit_request_download", request));
  const refuse = () =>
    imageKit.failNext("purge", { kind: "json", status: 400, message: "No" }, ALWAYS);
  refuse();
  for (
    const [tool, args] of [
      ["imagekit_confirm_upload", upload],
      ["imagekit_confirm_download", { transfer_id }],
    ] as const
  ) {
    const { bridge_copy_deleted, cache_purged } = succeeded(await servers.call(tool, args));
    assert.deepEqual([bridge_copy_deleted, cache_purged], [true, false], tool);
  }
}

/** A directory, a file of the host and one of a container; a download of one of them has begun. */
export async function openLinks({ servers, place }: Situation): Promise<void> {
  const link = async (args: Args) => succeeded(await servers.call("generate_download_link", args));
  const directory = await link({ path: "." });
  const file = await link({ path: `${place.host.directory}/f.txt`, source: "host" });
  const inside = await link({ path: "/etc/hostname", ctid: 101 });
  const types = [directory, file, inside].map(({ file_type }) => file_type);
  assert.deepEqual(types, ["directory", "file", "file"]);
  const open = async () => {
    const { open_links } = succeeded(await servers.call("list_download_stats"));
    return (open_links as Record<string, unknown>[]).map(
      ({ file_type, source, claimed }) => [file_type, source, claimed],
    );
  };
  const unclaimed = [["directory", "local", false], ["file", "host", false]];
  assert.deepEqual(await open(), [...unclaimed, ["file", "container", false]]);
  await ask(String(inside.download_url), { ...PROGRAM, Range: "bytes=0-0" });
  assert.deepEqual(await open(), [...unclaimed, ["file", "container", true]]);
}

/** The same changes of guests with HA and without; a reboot is never HA's. */
export async function carriedOutByHa({ servers }: Situation): Promise<void> {
  const guests = [
    ["container", { ctid: 102 }, undefined],
    ["container", { ctid: 104 }, true],
    ["vm", { vmid: 202 }, undefined],
    ["vm", { vmid: 204 }, true],
  ] as const;
  // One after the other: every call carries out what HA was asked for.
  for (const [kind, guest, byHa] of guests) {
    for (const verb of ["start", "reboot", "shutdown", "start", "stop"]) {
      const { by_ha } = succeeded(await servers.call(`proxmox_${verb}_${kind}`, guest));
      assert.equal(by_ha, verb === "reboot" ? undefined : byHa, `${verb} ${kind}`);
    }
  }
}

export async function withoutQuorum({ servers, pve }: Situation): Promise<void> {
  const isQuorate = async () => succeeded(await servers.call("proxmox_node_status")).quorate;
  assert.equal(await isQuorate(), true);
  await pve.setFault("noQuorum", true);
  assert.equal(await isQuorate(), false);
  await pve.setFault("noQuorum", undefined);
}

export async function protection({ servers, pve }: Situation): Promise<void> {
  const isProtected = async () => {
    const made = succeeded(await servers.call("proxmox_backup", { vmid: 102 }));
    const list = { vmid: 102, storage: "local" };
    const { backups } = succeeded(await servers.call("proxmox_list_backups", list));
    const [listed] = (backups as Record<string, unknown>[])
      .filter(({ volid }) => volid === made.volid);
    assert.ok(listed);
    return [made.protected, listed.protected];
  };
  assert.deepEqual(await isProtected(), [undefined, undefined]);
  await pve.setFault("protectBackups", true);
  assert.deepEqual(await isProtected(), [true, true]);
  await pve.setFault("protectBackups", undefined);
}
