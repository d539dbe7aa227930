// @isolate: it waits for many starts of workers, each of which takes a second.
import assert from "node:assert/strict";
import { createLogger } from "../../src/log.ts";
import { Launcher } from "../../src/sandbox/launch.ts";
import type { WorkerPermissions } from "../../src/sandbox/permissions.ts";
import { startedBy } from "./probe_launcher_count.ts";
import { PROJECT } from "../support/project.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

/** The functions of tests/sandbox/probe_host_worker.ts. */
interface Probe {
  exec(): Promise<string>;
  stat(): Promise<never>;
  listJobs(): Promise<never>;
  forge(): Promise<void>;
  connect(port: number): Promise<string>;
  read(path: string): Promise<string>;
  write(path: string): Promise<string>;
  environment(): Promise<string>;
  run(): Promise<string>;
  nested(permissions: Deno.PermissionOptionsObject): Promise<string>;
}

/** Two hosts that listen on this machine, each with a key. */
interface Stage extends Disposable {
  readonly launcher: Launcher;
  readonly ports: readonly [number, number];
  readonly keys: readonly [string, string];
  /** The worker of the launcher itself. */
  readonly worker: Worker;
}

function openStage(): Stage {
  const place = temporaryDirectory();
  const listeners = [0, 1].map(() => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const [first = 0, second = 0] = listeners.map(({ addr }) => addr.port);
  const keys = [`${place.path}/first`, `${place.path}/second`] as const;
  for (const key of keys) Deno.writeTextFileSync(key, "key");
  const ports = [first, second] as const;
  const rows = ports.map((port, at): WorkerPermissions => ({
    worker: "ssh",
    net: [`127.0.0.1:${port}`],
    read: [keys[at] ?? ""],
    write: [],
  }));
  const all: WorkerPermissions = {
    worker: "launcher",
    net: rows.flatMap(({ net }) => net),
    read: [PROJECT, ...keys],
    write: [],
  };
  let worker: Worker | undefined;
  const logger = createLogger("error", [], () => {});
  const launcher = new Launcher(all, rows, logger, (name, permissions) => {
    const url = new URL("./probe_launcher.ts", import.meta.url);
    return worker = new Worker(url, { type: "module", name, deno: { permissions } });
  });
  return {
    ...{ launcher, ports, keys },
    worker: worker ?? assert.fail("the launcher has no worker"),
    [Symbol.dispose]() {
      launcher.terminate();
      for (const listener of listeners) listener.close();
      place[Symbol.dispose]();
    },
  };
}

const isDead = { code: "worker_died" };

Deno.test("launch() gives the worker of a host its row, and none of another host", async () => {
  using stage = openStage();
  const { launcher, ports, keys } = stage;
  for (const [own, other] of [[0, 1], [1, 0]] as const) {
    const host = launcher.launch<Probe>(own, "host");
    const { port } = host;
    assert.equal(await port.connect(ports[own]), "done");
    assert.equal(await port.read(keys[own]), "done");
    assert.equal(await port.connect(ports[other]), "NotCapable");
    assert.equal(await port.read(keys[other]), "NotCapable");
    assert.equal(await port.read(`${PROJECT}/main.ts`), "NotCapable");
    assert.equal(await port.write(keys[own]), "NotCapable");
    assert.equal(await port.environment(), "NotCapable");
    assert.equal(await port.run(), "NotCapable");
    host.terminate();
  }
});

Deno.test("a host's worker cannot start a worker that may more than itself", async () => {
  using stage = openStage();
  const { port, terminate } = stage.launcher.launch<Probe>(0, "host");
  const [own, other] = stage.ports;
  assert.equal(await port.nested({ net: [`127.0.0.1:${own}`] }), "done");
  assert.equal(await port.nested({ net: [`127.0.0.1:${other}`] }), "NotCapable");
  assert.equal(await port.nested({ read: [stage.keys[1]] }), "NotCapable");
  assert.equal(await port.nested({ net: true }), "NotCapable");
  terminate();
});

Deno.test("the launcher hears no message from a host's worker", async () => {
  using stage = openStage();
  const { launcher, worker } = stage;
  const taken = launcher.launch<Probe>(0, "taken over");
  assert.equal(await taken.port.exec(), "alive");
  await taken.port.forge();
  const other = launcher.launch<Probe>(1, "other");
  assert.equal(await other.port.exec(), "alive");
  assert.equal(await taken.port.exec(), "alive");
  assert.equal(await other.port.connect(stage.ports[0]), "NotCapable");
  assert.equal(await startedBy(worker), 2);
  taken.terminate();
  other.terminate();
});

Deno.test("the launcher keeps its rows and starts no host that has none", async () => {
  using stage = openStage();
  const { launcher, worker, ports } = stage;
  const send = (row: unknown) => {
    const { port1, port2 } = new MessageChannel();
    port1.close();
    worker.postMessage({ start: 100, row, port: port2 }, [port2]);
  };
  worker.postMessage([{ net: ports.map((port) => `127.0.0.1:${port}`), read: [], write: [] }]);
  for (const row of [2, -1, 0.5, "0", null, { net: [] }]) send(row);
  worker.postMessage({ start: 101, row: 0, port: "no port" });
  const host = launcher.launch<Probe>(0, "host");
  assert.equal(await host.port.connect(ports[1]), "NotCapable");
  assert.equal(await startedBy(worker), 1);
  host.terminate();
});

Deno.test("a host's worker that dies takes only its own calls along", async () => {
  using stage = openStage();
  const { launcher } = stage;
  const dying = launcher.launch<Probe>(0, "web1");
  const other = launcher.launch<Probe>(1, "web2");
  const pending = assert.rejects(dying.port.stat(), isDead);
  await assert.rejects(dying.port.listJobs(), {
    ...isDead,
    message: "The worker of web1 ended unexpectedly",
  });
  await pending;
  await assert.rejects(dying.died, isDead);
  await assert.rejects(dying.port.exec(), isDead);
  assert.equal(await other.port.exec(), "alive");
  const again = launcher.launch<Probe>(0, "web1");
  assert.equal(await again.port.exec(), "alive");
  again.terminate();
  other.terminate();
});
