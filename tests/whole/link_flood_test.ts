import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { ask, PROGRAM } from "../downloads/http.ts";
import { peer, peerTest } from "../peers/require.ts";
import { outputOf } from "../support/command.ts";
import { startPlace } from "../support/places.ts";
import { type Connected, connectServer } from "../support/server.ts";
import { until } from "../support/until.ts";

/** Each may have 100 of the 250 connections; the first is that of the client, too. */
const SOURCES = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"];

/** Idle connections to one port, some of which the server closes. */
class Flood implements AsyncDisposable {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();

  constructor(port: number) {
    this.#port = port;
  }

  /** Opens more connections from each address, and waits until the server has taken or refused each. */
  async grow(fromEach: number): Promise<void> {
    const sources = SOURCES.flatMap((source) => Array<string>(fromEach).fill(source));
    await Promise.all(sources.map((source) => this.#open(source)));
  }

  get open(): number {
    return [...this.#sockets].filter((socket) => !socket.destroyed).length;
  }

  #open(localAddress: string): Promise<void> {
    const socket = connect({ host: "127.0.0.1", port: this.#port, localAddress });
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.resume();
    return new Promise((resolve) => socket.once("connect", resolve).once("close", () => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) =>
      new Promise<void>((resolve) => {
        if (socket.destroyed) return resolve();
        socket.once("close", () => resolve());
        socket.destroy();
      })
    ));
  }
}

/** Returns the number of the server's file descriptors. */
const openFiles = ({ server: { pid } }: Connected): number =>
  [...Deno.readDirSync(`/proc/${pid}/fd`)].length;

/** Returns the number of connections that a listener has not accepted yet. Source: `tcp4_seq_show()` of Linux. */
function waitingConnections(port: number): number {
  const address = `:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A `;
  const line = Deno.readTextFileSync("/proc/net/tcp").split("\n").find((each) =>
    each.includes(address)
  );
  return Number.parseInt(/ 0A [0-9A-F]+:([0-9A-F]+) /.exec(line ?? "")?.[1] ?? "0", 16);
}

/** Runs a command, copies a file both ways and downloads a link. */
async function assertWorks(server: Connected, name: string): Promise<void> {
  const echo = await server.call("ssh_exec_command", { command: `echo ${name}` });
  assert.equal(echo.data.stdout, `${name}\n`, `${echo.text}\n${server.server.stderr}`);
  const there = { local_path: "here.txt", remote_path: name };
  const back = { local_path: name, remote_path: name };
  for (const [tool, args] of [["ssh_upload_file", there], ["ssh_download_file", back]] as const) {
    const { text, isError } = await server.call(tool, args);
    assert.equal(isError, false, text);
  }
  for (const args of [{ path: name }, { path: name, source: "host" }]) {
    const { data, text } = await server.call("generate_download_link", args);
    const answer = await ask(String(data.download_url), PROGRAM);
    assert.deepEqual([answer.status, answer.text], [200, "content"], text);
  }
}

peerTest({
  name: "commands, copies and links work while the links' listener is flooded, and afterwards",
  peer: peer("prlimit", "/usr/bin/prlimit", "util-linux"),
  async fn() {
    await using place = await startPlace();
    Deno.writeTextFileSync(`${place.directory}/here.txt`, "content");
    await using server = await connectServer({ env: place.env, cwd: place.directory });
    const { data } = await server.call("generate_download_link", { path: "here.txt" });
    // From source, loading the SSH library opens more than a hundred files at once.
    await server.call("ssh_exec_command", { command: "true" });
    const port = Number(new URL(String(data.download_url)).port);
    // A usual limit is 1024; with less, a listener without a cap would use up all of it.
    await outputOf("prlimit", "--pid", `${server.server.pid}`, "--nofile=400:400");
    {
      await using flood = new Flood(port);
      await flood.grow(110);
      await until("the cap of 250 connections", () => flood.open <= 250);
      await assertWorks(server, "flooded");
      await Promise.all([flood.grow(40), assertWorks(server, "while-it-grows")]);
      await until("the cap of 250 connections again", () => flood.open <= 250);
    }
    await assertWorks(server, "afterwards");
    await server.end();
    const warnings = server.server.stderr.split("\n").filter((line) => /the max:/.test(line));
    // At most once a minute.
    assert.ok(warnings.length >= 1 && warnings.length <= 3, server.server.stderr);
    assert.doesNotMatch(server.server.stderr, /Too many open files|EMFILE|\[error\]/);
  },
});

peerTest({
  name:
    "commands work while the links' listener uses up all file descriptors, and everything afterwards",
  peer: peer("prlimit", "/usr/bin/prlimit", "util-linux"),
  async fn() {
    await using place = await startPlace();
    Deno.writeTextFileSync(`${place.directory}/here.txt`, "content");
    await using server = await connectServer({ env: place.env, cwd: place.directory });
    const { data } = await server.call("generate_download_link", { path: "here.txt" });
    await server.call("ssh_exec_command", { command: "true" });
    const port = Number(new URL(String(data.download_url)).port);
    await outputOf("prlimit", "--pid", `${server.server.pid}`, "--nofile=120:120");
    const before = openFiles(server);
    {
      await using flood = new Flood(port);
      await flood.grow(60);
      const echo = await server.call("ssh_exec_command", { command: "echo flooded" });
      assert.equal(echo.data.stdout, "flooded\n", echo.text);
    }
    await until(
      "the server's end of the connections",
      () => waitingConnections(port) === 0 && openFiles(server) <= before + 5,
    );
    await assertWorks(server, "afterwards");
    await server.end();
    assert.doesNotMatch(server.server.stderr, /\[error\]|defect/);
  },
});
