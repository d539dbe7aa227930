import assert from "node:assert/strict";
import { newTag, openSession, untilAlive, untilStarted } from "./openssh.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { until } from "../support/until.ts";
import { peerTest, ROOT } from "./require.ts";
import { DROPBEAR, startDropbear } from "./small_sshd.ts";
import { done, failed, openStage } from "./text_stage.ts";

const LOOSE = { ssh: { strictHostKeyChecking: false } };

peerTest({
  peer: [DROPBEAR, ROOT],
  name: "dropbear: commands run, with their output and exit code",
  async fn() {
    await using bear = await startDropbear();
    await using session = await openSession(bear, LOOSE);
    assert.equal(await session.read("echo in"), "in\n");
    const codes = await Promise.all(
      [1, 2, 3, 4].map(async (code) => (await session.exec(`sleep 0.2; exit ${code}`)).exitCode),
    );
    assert.deepEqual(codes, [1, 2, 3, 4]);
  },
});

peerTest({
  peer: [DROPBEAR, ROOT],
  name: "dropbear: a file is copied both ways and verified by sha256",
  async fn() {
    await using bear = await startDropbear();
    await using session = await openSession(bear, LOOSE);
    await session.file("up", "content");
    const up = await session.upload("up", "there");
    assert.deepEqual([up.verified, await session.read("cat there")], ["sha256", "content"]);
    assert.equal((await session.download("there", "down")).sha256, up.sha256);
  },
});

peerTest({
  peer: [DROPBEAR, ROOT],
  name: "dropbear: a timeout ends the shell of a command, and does not claim more",
  async fn() {
    await using bear = await startDropbear();
    const clock = new FakeClock();
    await using session = await openSession(bear, { ...LOOSE, clock });
    const others = bear.processes().length;
    const tag = newTag();
    const script = `echo out; env MRE_TAG=${tag} sleep 4000; echo never`;
    const running = session.exec(script, { timeoutMs: 60_000 });
    await untilAlive(tag, 2);
    await untilStarted(clock, 1);
    clock.advance(60_000);
    const late = await running;
    assert.deepEqual([late.ending, late.stdout.text, late.processEnded], [
      "timeout",
      "out\n",
      false,
    ]);
    // dropbear signals one process, so the shell is gone and the program that it started is not.
    await until("the shell has ended", () => bear.processes().length - others <= 1);
  },
});

peerTest({
  peer: [DROPBEAR, ROOT],
  name: "dropbear: text files are written, edited with a check, read and listed",
  async fn() {
    await using bear = await startDropbear();
    await using stage = await openStage(bear, LOOSE);
    await done(stage.write("sub/f", "one\n", { create_directories: true }));
    const edit = { old_text: "one", new_text: "two" };
    assert.equal(
      (await failed(stage.edit("sub/f", edit, { check: "exit 1" })))[0],
      "check_failed",
    );
    await done(stage.edit(`${bear.home}/sub/f`, edit, { check: "true" }));
    assert.equal((await done(stage.read("~/sub/f"))).text, "two\n");
    const { entries } = await done(stage.list("sub"));
    assert.deepEqual(entries.map(({ name }: { name: string }) => name), ["f"]);
  },
});
