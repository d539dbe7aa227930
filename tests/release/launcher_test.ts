import assert from "node:assert/strict";
import { onPath, peer, peerTest } from "../peers/require.ts";
import { projectFile } from "../support/project.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { until } from "../support/until.ts";
import { TARGETS } from "../../release/targets.ts";
import { writeExecutable } from "../support/executable.ts";

const NODE = peer("node", onPath("node"), "nodejs");
const HERE = TARGETS.find(({ triple }) => triple === Deno.build.target)?.name ?? "none";

/** An installed package whose executable is a shell script. */
function installed(script: string | undefined, system = HERE) {
  const place = temporaryDirectory();
  const folder = `${place.path}/mit leer 試`;
  const platform = `${folder}/node_modules/mcp-remote-exec-${system}`;
  Deno.mkdirSync(`${platform}/bin`, { recursive: true });
  Deno.copyFileSync(projectFile("release/launcher.js"), `${folder}/launcher.js`);
  const optionalDependencies = { [`mcp-remote-exec-${system}`]: "1.2.3" };
  const manifest = { name: "mcp-remote-exec", version: "1.2.3", optionalDependencies };
  Deno.writeTextFileSync(`${folder}/package.json`, JSON.stringify(manifest));
  if (script !== undefined) {
    Deno.writeTextFileSync(`${platform}/package.json`, "{}");
    writeExecutable(`${platform}/bin/mcp-remote-exec`, script);
  }
  const start = (...args: string[]) =>
    new Deno.Command(onPath("node"), {
      args: [`${folder}/launcher.js`, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  return { start, path: place.path, [Symbol.dispose]: () => place[Symbol.dispose]() };
}

async function ended(child: Deno.ChildProcess) {
  const { code, signal, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, signal, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

peerTest({
  peer: NODE,
  name: "the launcher passes arguments, stdin, stdout, stderr and the exit code on",
  async fn() {
    using place = installed(
      `#!/bin/sh\nprintf '<%s>' "$@"\ncat\necho error >&2\nexit 7\n`,
    );
    const child = place.start("a b", "", "$x");
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("input"));
    await writer.close();
    const { code, stdout, stderr } = await ended(child);
    assert.deepEqual([code, stdout, stderr], [7, "<a b><><$x>input", "error\n"]);
  },
});

peerTest({
  peer: NODE,
  name: "the launcher forwards a signal, and ends as the executable ends",
  async fn() {
    using place = installed(
      `#!/bin/sh\ntrap 'exit 9' TERM\ntouch "$1"\nwhile :; do sleep 0.05; done\n`,
    );
    const ready = `${place.path}/ready`;
    const child = place.start(ready);
    await child.stdin.close();
    await until("the executable runs", () => [...Deno.readDirSync(place.path)].length > 1);
    child.kill("SIGTERM");
    assert.equal((await ended(child)).code, 9);
  },
});

peerTest({
  peer: NODE,
  name: "the launcher ends by the signal that ended the executable",
  async fn() {
    using place = installed(`#!/bin/sh\nkill -TERM $$\n`);
    const child = place.start();
    await child.stdin.close();
    assert.equal((await ended(child)).signal, "SIGTERM");
  },
});

peerTest({
  peer: NODE,
  name: "the launcher names a package that is missing, and what to do",
  async fn() {
    using place = installed(undefined);
    const child = place.start();
    await child.stdin.close();
    const { code, stdout, stderr } = await ended(child);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(
      stderr,
      `mcp-remote-exec: the package mcp-remote-exec-${HERE} is not installed\n` +
        `  -> Run npm install without --omit=optional, on this system (Linux with glibc), or add mcp-remote-exec-${HERE}@1.2.3\n`,
    );
  },
});

peerTest({
  peer: NODE,
  name: "the launcher names the systems that there is an executable for",
  async fn() {
    using place = installed("", "plan9-mips");
    const child = place.start();
    await child.stdin.close();
    const { code, stderr } = await ended(child);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^mcp-remote-exec: there is no executable for \w+ \w+, only .*plan9-mips\n$/,
    );
  },
});

peerTest({
  peer: NODE,
  name: "the launcher reports an executable that cannot be started",
  async fn() {
    using place = installed("#!/missing/interpreter\n");
    const child = place.start();
    await child.stdin.close();
    const { code, stderr } = await ended(child);
    assert.equal(code, 1);
    assert.match(stderr, /^mcp-remote-exec: cannot start .*ENOENT\n {2}-> /);
    if (Deno.build.os === "linux") assert.match(stderr, /glibc/);
  },
});
