import assert from "node:assert/strict";
import { runtimeEnvironment } from "../support/program.ts";
import { type Place, startPlace } from "../support/places.ts";
import { ServerProcess } from "../support/server.ts";
import { ATTEMPTS } from "./probes/attempts.ts";
import type { Task } from "./probes/try_on_message.ts";
import { flagsOf, projectFile } from "../support/project.ts";

const allRefused = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, "refused"]));

/** The results of the attempts in the main isolate, and stdout during that time. */
async function probeMain(env: Record<string, string>, cwd: string) {
  const server = new ServerProcess({ env, cwd, entry: "tests/whole/probes/main_probe.ts" });
  const { code } = await server.ended();
  await server.close();
  assert.equal(code, 0, server.stderr);
  assert.deepEqual(server.stdoutLines, []);
  return JSON.parse(server.stderr.trim().split("\n").at(-1) ?? "");
}

for (const what of ["a configuration", "none"]) {
  Deno.test(`main is refused everything before it reads the first message, with ${what}`, async () => {
    await using place = await startPlace();
    Deno.writeTextFileSync(`${place.directory}/mine.ts`, "");
    const env = what === "none" ? {} : place.env;
    const { results, states, grantedAtStart } = await probeMain(env, place.directory);
    assert.deepEqual(grantedAtStart, []);
    assert.deepEqual(results, allRefused(Object.keys(ATTEMPTS)));
    assert.deepEqual(Object.entries(states).filter(([, state]) => state === "granted"), []);
  });
}

/** Loopback ports with listeners in place of storage services. */
interface Services {
  readonly imageKit: number;
  readonly r2: number;
}

/** What one worker may do. Everything else must be refused. */
interface Allowed {
  /** The worker, if the name of the row is another. */
  readonly worker?: string;
  env?(services: Services): Readonly<Record<string, string>>;
  /** The only port that it may connect to; the SSH host's port by default. */
  port?(services: Services): number;
  /** A port that it may not connect to; one that no row names by default. */
  otherPort?(services: Services): number;
  may(place: Place, services: Services): Task["may"];
  mayNotWrite(place: Place): readonly string[];
  mayNotRead?(place: Place): readonly string[];
}

const knownHosts = ({ home }: Place) => `${home}/.ssh/known_hosts`;
const own = ({ directory }: Place) => `${directory}/own`;

const transfersVariables = ({ imageKit, r2 }: Services) => ({
  ENABLE_IMAGEKIT: "true",
  IMAGEKIT_PUBLIC_KEY: "public",
  IMAGEKIT_PRIVATE_KEY: "private",
  IMAGEKIT_URL_ENDPOINT: `http://127.0.0.1:${imageKit}/me`,
  IMAGEKIT_API_URL: `http://127.0.0.1:${imageKit}`,
  IMAGEKIT_UPLOAD_URL: `http://127.0.0.1:${imageKit}`,
  R2_ACCESS_KEY: "access",
  R2_SECRET_KEY: "secret",
  R2_BUCKET: "bucket",
  R2_ENDPOINT: `http://127.0.0.1:${r2}`,
});

const WORKERS: Readonly<Record<string, Allowed>> = {
  ssh: {
    may: (place) => ({
      call: [place.host.port],
      read: [knownHosts(place), own(place)],
      write: [own(place)],
    }),
    mayNotWrite: (place) => [knownHosts(place)],
  },
  "ssh, without a tool that writes here,": {
    worker: "ssh",
    env: () => ({ TOOLS: "-ssh_download_file,-ssh_download_directory" }),
    may: (place) => ({ call: [place.host.port], read: [knownHosts(place), own(place)], write: [] }),
    mayNotWrite: (place) => [knownHosts(place), own(place)],
  },
  "ssh, without a tool for files,": {
    worker: "ssh",
    env: () => ({ READ_ONLY: "true", ENABLE_PROXMOX: "true" }),
    may: (place) => ({ call: [place.host.port], read: [knownHosts(place)], write: [] }),
    mayNotWrite: (place) => [knownHosts(place), own(place)],
    mayNotRead: (place) => [own(place)],
  },
  "ssh, without a tool for the host,": {
    worker: "ssh",
    env: () => ({ READ_ONLY: "true", TOOLS: "-ssh" }),
    may: () => ({ call: [], read: [], write: [] }),
    mayNotWrite: (place) => [own(place)],
    mayNotRead: (place) => [knownHosts(place), own(place)],
  },
  "downloads, without new links,": {
    worker: "downloads",
    env: () => ({ READ_ONLY: "true", DOWNLOAD_PORT: "8099" }),
    may: () => ({ call: [], read: [], write: [] }),
    mayNotWrite: (place) => [own(place)],
    mayNotRead: (place) => [own(place)],
  },
  "transfers, without one of its services,": {
    worker: "transfers",
    env: (services) => ({ ...transfersVariables(services), TOOLS: "-exchange" }),
    port: ({ imageKit }) => imageKit,
    otherPort: ({ r2 }) => r2,
    may: (_place, { imageKit }) => ({ call: [imageKit], read: [], write: [] }),
    mayNotWrite: (place) => [own(place)],
  },
  downloads: {
    // With a fixed port, the listener may not use any other.
    env: () => ({ DOWNLOAD_PORT: "8099" }),
    may: (place) => ({ call: [], read: [own(place)], write: [] }),
    mayNotWrite: (place) => [own(place)],
  },
  transfers: {
    env: transfersVariables,
    port: ({ r2 }) => r2,
    may: (_place, { imageKit, r2 }) => ({ call: [imageKit, r2], read: [], write: [] }),
    mayNotWrite: (place) => [own(place)],
  },
};

const listen = () => Deno.listen({ hostname: "127.0.0.1", port: 0 });

for (const [name, row] of Object.entries(WORKERS)) {
  Deno.test(`the worker ${name} may do what its row says and is refused everything else`, async () => {
    await using place = await startPlace();
    using other = listen();
    using imageKit = listen();
    using r2 = listen();
    const services = { imageKit: imageKit.addr.port, r2: r2.addr.port };
    const secret = `${place.home}/secret.ts`;
    Deno.writeTextFileSync(secret, "export const secret = 1;");
    Deno.writeTextFileSync(own(place), "own");
    const task: Task = {
      host: place.host.hostname,
      port: row.port?.(services) ?? place.host.port,
      otherPort: row.otherPort?.(services) ?? other.addr.port,
      file: secret,
      directory: place.home,
      may: row.may(place, services),
      mayNotWrite: row.mayNotWrite(place),
      mayNotRead: row.mayNotRead?.(place) ?? [],
    };
    const worker = row.worker ?? name;
    const { allowed, results } = await probeWorker(worker, task, place, row.env?.(services) ?? {});
    const possible = (list: readonly unknown[]) => list.map(() => "POSSIBLE");
    const { call, read, write } = task.may;
    assert.deepEqual(allowed, {
      call: possible(call),
      read: possible(read),
      write: possible(write),
    });
    const notWritten = task.mayNotWrite.map((path) => `write: ${path}`);
    const notRead = task.mayNotRead.map((path) => `read: ${path}`);
    assert.deepEqual(results, allRefused([...Object.keys(ATTEMPTS), ...notWritten, ...notRead]));
    assert.equal(Deno.readTextFileSync(secret), "export const secret = 1;");
  });
}

async function probeWorker(
  name: string,
  task: Task,
  place: Place,
  env: Readonly<Record<string, string>>,
) {
  const entry = projectFile("tests/whole/probes/worker_probe.ts");
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...flagsOf("start"), entry, name, JSON.stringify(task)],
    cwd: place.directory,
    env: { ...runtimeEnvironment(), ...place.env, ...env },
    clearEnv: true,
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.notEqual(text, "", new TextDecoder().decode(stderr));
  return JSON.parse(text);
}
