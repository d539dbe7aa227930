import assert from "node:assert/strict";
import { ask } from "../downloads/http.ts";
import { content } from "../fakes/ssh_host_client.ts";
import { type Peer, peer, peerTest } from "../peers/require.ts";
import { startPlace } from "../support/places.ts";
import { connectServer } from "../support/server.ts";
import { until } from "../support/until.ts";

/** A library that shows a program another time. */
const LIBRARIES = ["x86_64", "aarch64"].map((machine) =>
  `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`
);
const [LIBRARY = ""] = LIBRARIES.filter((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});
const FAKETIME: Peer = peer("libfaketime", LIBRARY === "" ? "/missing" : LIBRARY, "libfaketime");

const HOUR_S = 3_600;

peerTest({
  name: "commands, copies and links that run while the clock jumps are not disturbed",
  peer: FAKETIME,
  async fn() {
    await using place = await startPlace();
    const offset = `${place.home}/offset`;
    // Time servers and people set the wall clock only.
    const jumpTo = (seconds: number) => {
      Deno.writeTextFileSync(`${offset}.new`, `${seconds < 0 ? "" : "+"}${seconds}`);
      // Replaced in one step: the program reads the file all the time.
      Deno.renameSync(`${offset}.new`, offset);
    };
    jumpTo(0);
    const env = {
      ...place.env,
      AUDIT_LOG: `${place.home}/audit.jsonl`,
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: offset,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
    await using server = await connectServer({ env, cwd: place.directory });
    const bytes = content(3_000_000);
    Deno.writeFileSync(`${place.directory}/up`, bytes);
    for (const seconds of [HOUR_S, -HOUR_S]) {
      jumpTo(0);
      const { data } = await server.call("generate_download_link", { path: "up" });
      const url = String(data.download_url);
      const command = "touch begun; while [ ! -e go ]; do sleep 0.05; done; rm begun go; echo done";
      const exec = server.call("ssh_exec_command", { command, timeout: 60 });
      const begun = `${place.host.directory}/begun`;
      await until("the command", () => Deno.stat(begun).then(() => true, () => false));
      place.host.setFault({ writeDelayMs: 20 });
      const paths = { local_path: "up", remote_path: `there${seconds}` };
      const copy = server.call("ssh_upload_file", paths);
      jumpTo(seconds);
      const copied = await copy;
      assert.deepEqual([copied.data.success, copied.data.verified], [true, "sha256"], copied.text);
      Deno.writeTextFileSync(`${place.host.directory}/go`, "");
      const { data: result, text } = await exec;
      assert.equal(result.stdout, "done\n", text);
      assert.ok(Number(result.duration_ms) >= 0 && Number(result.duration_ms) < 60_000, text);
      const answer = await ask(url);
      // A link ends at its expiry by the clock, and is never longer than its minutes.
      assert.equal(answer.status, seconds > 0 ? 404 : 200);
      if (seconds < 0) assert.ok(bytes.equals(answer.bytes));
    }
    await server.end();
    const times = Deno.readTextFileSync(env.AUDIT_LOG).trimEnd().split("\n")
      .map((line) => Date.parse(JSON.parse(line).time));
    assert.ok(Math.max(...times) - Math.min(...times) > HOUR_S * 1_000, "the clock did not jump");
  },
});
