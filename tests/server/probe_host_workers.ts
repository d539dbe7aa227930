import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../src/async/clock.ts";
import type { Environment } from "../../src/config/environment.ts";
import { createLogger } from "../../src/log.ts";
import { permissionTable } from "../../src/sandbox/permissions.ts";
import type { FilesUser } from "../../src/server/host_worker.ts";
import { HostWorkers } from "../../src/server/host_workers.ts";
import { configOf, fakeMachine } from "../support/config.ts";
import { PROJECT } from "../support/project.ts";

/** Workers of three hosts, the last of which cannot be used; a call of `listJobs` kills a worker. */
export async function withWorkers(
  run: (workers: HostWorkers, launcher: Worker) => Promise<void>,
  more: Environment = {},
  clock: Clock = systemClock,
): Promise<void> {
  const texts = {
    "/home/me/.ssh/config": "Host old\n  ProxyCommand nc %h %p\nHost *\n  HostName 127.0.0.1\n",
  };
  const env = { HOST: undefined, HOSTS: "web1,web2,old,web3", ...more };
  const config = configOf(env, fakeMachine({ texts }));
  let launcher: Worker | undefined;
  assert.ok(config.hosts);
  const table = permissionTable(config, [PROJECT]);
  const logger = createLogger("error", [], () => {});
  const workers = new HostWorkers(
    config,
    config.hosts,
    table,
    logger,
    {
      clock,
      start: (name, permissions) =>
        launcher = new Worker(new URL("../sandbox/probe_launcher.ts", import.meta.url), {
          type: "module",
          name,
          deno: { permissions },
        }),
    },
  );
  assert.ok(launcher);
  try {
    await run(workers, launcher);
  } finally {
    workers.terminate();
  }
}

export const { signal } = new AbortController();
export const REQUEST = { command: "true", timeoutMs: 1_000 };

/** Calls the worker of a host, which answers `alive`. */
export const exec = (workers: HostWorkers, host: number) =>
  workers.port(host).exec(REQUEST, signal);

/** What is left of the memory of tests/sandbox/probe_host_worker.ts. */
export const LEARNED = { hostKeys: [[0, Uint8Array.of(1, 2)]], isSudoWrong: true };

/** What {@linkcode userOf} does and reports. */
export interface Usage {
  /** A link or the like still needs the host. */
  isUsed?: boolean;
  connected?: () => void;
  ended?: () => void;
  asked?: () => void;
}

/** Another worker that gets files of a host. */
export const userOf = (usage: Usage): FilesUser => ({
  isUsing() {
    usage.asked?.();
    return Promise.resolve(usage.isUsed ?? false);
  },
  grant: () => Promise.resolve({ kinds: [], write: false, shellPrefix: undefined }),
  port: {
    connectHost(_host, files) {
      files?.close();
      if (files === undefined) usage.ended?.();
      else usage.connected?.();
      return Promise.resolve();
    },
  },
});

export const nothing = () => Promise.resolve();
