import assert from "node:assert/strict";
import type { DownloadsPort, LinkEvent, LinkEvents } from "../../src/downloads/port.ts";
import { connectDownloads } from "../../src/server/connect.ts";
import { createLogger } from "../../src/log.ts";
import { remote } from "../../src/rpc/remote.ts";
import { configOf } from "../support/config.ts";

Deno.test("connectDownloads() lets the worker add only events of links to the audit log", async () => {
  const configured = Promise.withResolvers<MessagePort>();
  const downloads = {
    configure: (_settings: unknown, _files: unknown, events: MessagePort) => {
      configured.resolve(events);
      return Promise.resolve();
    },
  } satisfies Pick<DownloadsPort, "configure">;
  let served: MessagePort | undefined;
  const serveFiles = (port: MessagePort) => {
    served = port;
    return Promise.resolve();
  };
  const seen: LinkEvent[] = [];
  await connectDownloads(downloads, { serveFiles }, configOf({}), {
    onEvent: (event) => void seen.push(event),
    logger: createLogger("error"),
  });
  const events = await configured.promise;
  const { record } = remote<LinkEvents>(events).port;
  const life = { action: "claimed", token_id: "t", bytes: 7 };
  await record({ event: "download_link", ...life });
  await record({
    ...life,
    event: "x",
    time: "2031-01-01T00:00:00Z",
    tool: "ssh_exec_command",
    arguments: { command: "id" },
    outcome: "ok",
    duration_ms: 1,
    long: "x".repeat(5_000),
    deep: { a: [1] },
  });
  assert.deepEqual(seen, [
    { event: "download_link", ...life },
    { event: "download_link", ...life },
  ]);
  for (const each of [events, served]) each?.close();
});
