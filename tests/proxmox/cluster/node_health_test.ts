import assert from "node:assert/strict";
import { bothTest, failure, nodeTest } from "../node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;
const FAR = { ctid: 300, hostname: "far", status: "running", node: "pve2" } as const;
const GIB = 1024 ** 3;

bothTest(
  "proxmox_node_status returns all parts in one call",
  { containers: [WEB] },
  async (node) => {
    const { data, text } = await node.call("proxmox_node_status");
    const { certificate, ...rest } = data;
    assert.match(certificate.expires, /^20\d\d-\d\d-\d\dT/);
    assert.deepEqual({ ...certificate, expires: "" }, {
      file: "pve-ssl.pem",
      subject: "/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN=pve.lab.example",
      issuer: "/CN=Proxmox Virtual Environment/OU=0/O=PVE Cluster Manager CA",
      expires: "",
      days_left: 400,
    });
    assert.deepEqual(rest, {
      node: "pve",
      problems: [],
      version: "pve-manager/9.0.5/9c5600b249dbfd2f",
      kernel: "6.14.8-2-pve",
      uptime_seconds: 1_209_600,
      load: [0.12, 0.2, 0.18],
      cpus: 8,
      cpu_model: "Intel(R) Core(TM) i7-6700 CPU @ 3.40GHz",
      memory_used: 9 * GIB,
      memory_total: 32 * GIB,
      swap_used: 0,
      swap_total: 8 * GIB,
      root_used: 11 * GIB,
      root_total: 94 * GIB,
      storages: [
        {
          storage: "local",
          status: "active",
          type: "dir",
          content: "backup,iso,vztmpl",
          used: 11 * GIB,
          total: 94 * GIB,
        },
        {
          storage: "local-lvm",
          status: "active",
          type: "lvmthin",
          content: "images,rootdir",
          used: 42 * GIB,
          total: 337 * GIB,
        },
      ],
      failed_services: [],
      updates: [
        "proxmox-kernel-6.14.8-3-pve-signed 6.14.8-3 (new)",
        "pve-manager 9.0.5 -> 9.0.6",
      ],
      updates_count: 2,
      nodes: [{ name: "pve", status: "online" }],
    });
    assert.match(text, /Not in a cluster/);
    assert.deepEqual(
      (await node.newCalls()).toSorted().map((call) => call.split(" --output")[0]),
      [
        "pvesh get /cluster/status",
        "pvesh get /nodes/localhost/apt/update",
        "pvesh get /nodes/localhost/certificates/info",
        "pvesh get /nodes/localhost/status",
        "pvesh get /nodes/localhost/storage",
        "systemctl list-units --failed --plain --no-legend --no-pager",
      ],
    );
  },
);

nodeTest("proxmox_node_status names what needs attention", {
  containers: [WEB, FAR],
}, async ({ pve, call }) => {
  const quorum = await call("proxmox_node_status");
  assert.deepEqual([quorum.data.cluster, quorum.data.quorate], ["lab", true]);
  assert.match(quorum.text, /Cluster lab has quorum: pve online, pve2 online/);
  await pve.setFault("noQuorum", true);
  await pve.setFault("offlineNodes", ["pve2"]);
  await pve.setFault("failedUnits", ["pveproxy.service", "zfs-import@tank.service"]);
  await pve.setFault("certificateDays", 3);
  await pve.setFault("moreStorages", { nas: "inactive" });
  const { data, text } = await call("proxmox_node_status");
  assert.equal(data.quorate, false);
  assert.deepEqual(data.failed_services, ["pveproxy.service", "zfs-import@tank.service"]);
  assert.deepEqual(data.nodes, [
    { name: "pve", status: "online" },
    { name: "pve2", status: "offline" },
  ]);
  assert.deepEqual(data.problems, [
    "The cluster lab has no quorum",
    "The node pve2 is offline",
    "The service pveproxy.service has failed",
    "The service zfs-import@tank.service has failed",
    "The storage nas is not active",
    "The certificate expires soon",
  ]);
  assert.match(text, /\[WARNING\] The cluster lab has no quorum/);
  await pve.setFault("certificateDays", -2);
  assert.equal(
    (await call("proxmox_node_status")).data.problems.at(-1),
    "The certificate has expired",
  );
});

nodeTest("proxmox_node_status names the parts that cannot be read", {
  containers: [WEB],
}, async ({ pve, call }) => {
  await pve.setFault("pveshAnswers", {
    "/nodes/localhost/apt/update": "no list",
    "/nodes/localhost/certificates/info": '[{"filename":"pve-ssl.pem","subject":7}]',
    "/nodes/localhost/storage": '[{"storage":"full","used":95,"total":100}]',
  });
  const { data } = await call("proxmox_node_status");
  assert.deepEqual(data.unread, [
    { part: "updates", reason: "The output of pvesh cannot be read: no list" },
  ]);
  assert.deepEqual(data.certificate, { file: "pve-ssl.pem", subject: "7" });
  assert.deepEqual(data.problems, ["The storage full is nearly full"]);
  assert.equal(data.updates, undefined);
  await pve.setFault("pveshAnswers", { "/nodes/localhost/status": "{}" });
  assert.equal(failure(await call("proxmox_node_status"))[0], "internal");
  await pve.setFault("pveshAnswers", undefined);
  await pve.setFault("clusterDown", true);
  assert.equal(failure(await call("proxmox_node_status"))[0], "unreachable");
  await pve.setFault("clusterDown", undefined);
  await pve.setFault("notRoot", true);
  assert.equal(failure(await call("proxmox_node_status"))[0], "not_permitted");
});
