import assert from "node:assert/strict";
import {
  notConfigured,
  refusingCatalog,
  unconfiguredInstructions,
} from "../../src/server/unconfigured.ts";
import { CORE } from "../support/config.ts";
import { pure } from "../support/pure.ts";

const FAULTS = [
  { message: "You must accept.\nAll of it.", remedy: "Set I_ACCEPT_RISKS=true" },
  { message: "No host", remedy: "Set HOST" },
];

pure("notConfigured() has every fault with its remedy", () => {
  const { code, message, suggestion } = notConfigured(FAULTS);
  assert.equal(code, "not_configured");
  assert.ok(
    message.endsWith(
      "\n\nYou must accept.\nAll of it.\n  -> Set I_ACCEPT_RISKS=true\n\nNo host\n  -> Set HOST",
    ),
    message,
  );
  assert.match(suggestion, /^Tell the user/);
});

pure("refusingCatalog() lists the core tools, and every call of any name fails", async () => {
  const error = notConfigured(FAULTS);
  const catalog = await refusingCatalog(error);
  assert.deepEqual(catalog.list.map(({ name }) => name), CORE);
  const context = { signal: new AbortController().signal, progress: undefined };
  for (const name of [...CORE, "proxmox_list_vms"]) {
    const tool = catalog.find(name) ?? assert.fail(name);
    await assert.rejects(tool.call({ any: 1 }, context), error);
  }
});

pure("unconfiguredInstructions() has the faults, one line each", () => {
  const text = unconfiguredInstructions(FAULTS);
  assert.match(text, /^This server is not configured: every tool call fails/);
  assert.ok(
    text.endsWith(
      "\n- You must accept. All of it. -> Set I_ACCEPT_RISKS=true\n- No host -> Set HOST",
    ),
    text,
  );
});

pure("unconfiguredInstructions() stays within 1,900 characters and says what is missing", () => {
  const many = Array.from({ length: 50 }, (_, at) => ({
    message: `Fault ${at} ${"x".repeat(at * 20)}`,
    remedy: "Correct it",
  }));
  const text = unconfiguredInstructions(many);
  assert.ok(text.length <= 1_900 && text.length > 1_000, `${text.length}`);
  assert.ok(text.endsWith("\n- … (call any tool for the complete list)"));
});
