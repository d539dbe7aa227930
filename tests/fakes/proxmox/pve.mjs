#!/usr/bin/env node
/**
 * Stand-in for the programs of a Proxmox VE node. Its first argument, or the name it was called
 * by, says which one it is; PVE_FAKE_ROOT is the directory that holds its state.
 */
import path from "node:path";
import process from "node:process";
import { err, Exit } from "./cli.mjs";
import { settle, stopGuest } from "./lifecycle.mjs";
import { pct } from "./pct.mjs";
import { pvesh } from "./pvesh.mjs";
import { agentRun, qm } from "./qm.mjs";
import { startGuest } from "./snapshots.mjs";
import {
  allGuests,
  anyGuest,
  fault,
  logCall,
  node,
  removeGuest,
  saveGuest,
  sleep,
} from "./state.mjs";
import { beWorker } from "./task.mjs";
import { lxcInfo } from "./addresses.mjs";
import { ip, systemctl } from "./node_api.mjs";
import { pveam } from "./pveam.mjs";
import { pvesm } from "./pvesm.mjs";
import { qmrestore } from "./qm_restore.mjs";
import { vzdump } from "./vzdump.mjs";
import { create, volumesOf } from "./volumes.mjs";

const PROGRAMS = {
  "lxc-info": lxcInfo,
  pct,
  pveam,
  pvesh,
  pvesm,
  qm,
  qmrestore,
  vzdump,
  ip,
  systemctl,
};
/** They need neither root nor the cluster file system. */
const PLAIN = ["ip", "systemctl"];

async function main([first, ...rest]) {
  if (first === "internal") return await internal(rest);
  // Before the call is seen: then a test may change the switch for the next one.
  const delay = fault("delayMs");
  logCall(first, rest);
  if (!PLAIN.includes(first)) refuseAll();
  if (delay !== undefined) await sleep(delay);
  await settle(allGuests().filter((guest) => guest.node === node));
  await PROGRAMS[first](garble(rest));
}

/** What the installer, the agent and workers need; no program of a real node. */
async function internal([action, id, ...rest]) {
  if (action === "worker") {
    const [program, ...args] = rest;
    return await beWorker(() => PROGRAMS[program](args));
  }
  const guest = anyGuest(id);
  if (action === "save" || action === "start") {
    saveGuest(guest);
    for (const { volid, bytes } of volumesOf(guest.config)) {
      create(volid, { vmid: guest.id, bytes });
    }
  }
  if (action === "start") await startGuest(guest);
  if (action === "remove" || action === "stop-all") await remove(guest ? [guest] : allGuests());
  if (action === "agent") await agentRun(guest, rest);
}

async function remove(guests) {
  for (const guest of guests.filter((guest) => guest.node === node)) {
    await stopGuest(guest);
    removeGuest(guest);
  }
}

/** Source: public captures of pct without root and without the cluster file system. */
function refuseAll() {
  const reason = fault("notRoot")
    ? "Unknown error -1"
    : fault("clusterDown")
    ? "Connection refused"
    : undefined;
  if (reason === undefined) return;
  const lines = [1, 2, 3].map((n) => `ipcc_send_rec[${n}] failed: ${reason}\n`).join("");
  throw new Exit(255, `${lines}Unable to load access control list: ${reason}\n`);
}

/** In a locale without UTF-8 every byte beyond ASCII becomes U+FFFD (measured). */
function garble(args) {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  const locale = LC_ALL || LC_CTYPE || LANG || "C";
  if (/utf-?8/i.test(locale)) return args;
  return args.map((word) =>
    // deno-lint-ignore no-control-regex
    word.replace(/[^\x00-\x7f]/gu, (character) => "\ufffd".repeat(byteLength(character)))
  );
}

const byteLength = (text) => new TextEncoder().encode(text).length;

const called = path.basename(process.argv[1]);
const words = Object.hasOwn(PROGRAMS, called) ? [called] : [];

main([...words, ...process.argv.slice(2)]).then(() => process.exit(), (error) => {
  err(error instanceof Exit ? error.message : `${error.stack}\n`);
  process.exit(error instanceof Exit ? error.code : 70);
});
