import assert from "node:assert/strict";
import type { DownloadsPort, LinkEvent, LinkEvents } from "../../src/downloads/port.ts";
import { startDownloads } from "../../src/server/start_downloads.ts";
import { createLogger } from "../../src/log.ts";
import { remote } from "../../src/rpc/remote.ts";
import { configOf } from "../support/config.ts";

Deno.test("the worker of the links writes nothing but a link's life into the audit log", async () => {
  const configured = Promise.withResolvers<MessagePort>();
  const port = {
    configure: (_settings: unknown, _files: unknown, events: MessagePort) => {
      configured.resolve(events);
      return Promise.resolve();
    },
  } as Partial<DownloadsPort> as DownloadsPort; // nothing else is called here
  const { port1, port2 } = new MessageChannel();
  const seen: LinkEvent[] = [];
  startDownloads(port, configOf({}), {
    files: port1,
    containers: undefined,
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
  for (const each of [events, port1, port2]) each.close();
});
