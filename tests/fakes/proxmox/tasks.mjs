/** Finished tasks of pvesh, by UPID. Source: pve-common f665029 src/PVE/UPID.pm:18-44. */
import fs from "node:fs";
import path from "node:path";
import { fail } from "./cli.mjs";
import { node, root } from "./state.mjs";

const fileOf = (upid) => path.join(root, "tasks", encodeURIComponent(upid));

export function writeTask({ type, id, exitstatus, pid }) {
  const starttime = Math.floor(Date.now() / 1000);
  const hex = (value) => value.toString(16).toUpperCase().padStart(8, "0");
  const pstart = 0x1a2b3c;
  const upid = `UPID:${node}:${hex(pid)}:${hex(pstart)}:${hex(starttime)}:${type}:${id}:root@pam:`;
  const status = {
    exitstatus,
    id: String(id),
    node,
    pid,
    pstart,
    starttime,
    status: "stopped",
    type,
    upid,
    user: "root@pam",
  };
  const last = exitstatus === "OK" ? "TASK OK" : `TASK ERROR: ${exitstatus}`;
  fs.mkdirSync(path.join(root, "tasks"), { recursive: true });
  fs.writeFileSync(fileOf(upid), JSON.stringify({ status, log: [{ n: 1, t: last }] }));
  return upid;
}

export function readTask(upid) {
  if (!fs.existsSync(fileOf(upid))) fail(`no such task`, 2);
  return JSON.parse(fs.readFileSync(fileOf(upid), "utf8"));
}
