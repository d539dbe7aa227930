import assert from "node:assert/strict";
import { failure, type Node, nodeTest } from "../node.ts";

const NAME = "debian-12-standard_12.7-1_amd64.tar.zst";
const VOLID = `local:vztmpl/${NAME}`;
const BYTES = 126_129_049;

const download = (node: Node, args: Record<string, unknown> = {}) =>
  node.call("proxmox_download_template", { template: NAME, ...args });

for (const version of [7, 9] as const) {
  nodeTest(`a template is found, downloaded and deleted (Proxmox VE ${version})`, {
    version,
  }, async (node) => {
    const before = await node.call("proxmox_list_templates", { filter: "DEBIAN-12-standard" });
    assert.deepEqual(before.data, { local: [], available: [{ section: "system", name: NAME }] });
    const { available, omitted } = (await node.call("proxmox_list_templates")).data;
    const sections = new Set(available.map(({ section }: { section: string }) => section));
    assert.deepEqual([[...sections], omitted], [["system"], 2]);
    const made = await download(node);
    assert.deepEqual([made.data.template, made.data.size_bytes], [VOLID, BYTES], made.text);
    assert.equal((await download(node)).isError, false);
    const { data } = await node.call("proxmox_list_templates", { available: false });
    assert.deepEqual(data, { local: [{ template: VOLID, size_bytes: BYTES }] });
    const gone = await node.call("proxmox_delete_template", { template: VOLID });
    assert.equal(gone.isError, false, gone.text);
    const after = await node.call("proxmox_list_templates", { available: false });
    assert.deepEqual(after.data, { local: [] });
  });
}

nodeTest("proxmox_download_template believes only the list", {}, async (node) => {
  const of = async (args = {}) => failure(await download(node, args));
  await node.pve.setFault("downloadFails", true);
  assert.deepEqual(await of(), [
    "io_error",
    `The template ${NAME} was not downloaded: download failed: wget: unable to resolve host address ` +
    "'download.proxmox.com'",
  ]);
  await node.pve.setFault("downloadFails", undefined);
  await node.pve.setFault("checksumWrong", true);
  assert.match((await of())[1], /was not downloaded: checksum mismatch: got /);
  const { data } = await node.call("proxmox_list_templates", { available: false });
  assert.deepEqual(data.local, []);
  assert.deepEqual(await of({ template: "nosuch.tar.zst" }), [
    "not_found",
    'The index has no template "nosuch.tar.zst"',
  ]);
  assert.equal((await of({ storage: "local-lvm" }))[0], "invalid_argument");
  assert.equal((await of({ storage: "nosuch" }))[0], "invalid_argument");
  assert.equal((await of({ template: "../x" }))[0], "invalid_argument");
});

nodeTest("proxmox_list_templates says that the node has no index", {}, async (node) => {
  await node.pve.setFault("templateIndexMissing", true);
  const [code, error] = failure(await node.call("proxmox_list_templates"));
  assert.equal(code, "not_found");
  assert.match(error, /^The node has no index of templates: unable to open file/);
  assert.equal((await node.call("proxmox_list_templates", { available: false })).isError, false);
});

nodeTest("proxmox_delete_template deletes nothing but templates", {}, async (node) => {
  const of = async (template: string) =>
    failure(await node.call("proxmox_delete_template", { template }));
  assert.equal((await of("local:backup/vzdump-lxc-101.tar.zst"))[0], "invalid_argument");
  assert.equal((await of(VOLID))[0], "not_found");
  assert.equal((await of(`nosuch:vztmpl/${NAME}`))[0], "not_found");
  await node.pve.addTemplate(NAME);
  await node.pve.setFault("removeDoesNothing", true);
  assert.equal((await of(VOLID))[0], "verification_failed");
});
