import assert from "node:assert/strict";
import { CONTAINERS, peerTest, SSHD } from "../peers/require.ts";
import {
  assertFinished,
  cleanUp,
  creationOf,
  DEATHS,
  dieWithin,
  startLifeStage,
} from "./guest_life.ts";
import { webServerStory } from "./web_server_story.ts";

peerTest({
  name: "a web server with a fixed address is created, cloned, broken, restored and removed",
  peer: [SSHD, ...CONTAINERS],
  async fn() {
    await webServerStory(8);
  },
});

// All long steps, and both in all versions: tests/by_hand/guest_kills.ts.
peerTest({
  name:
    "a server that dies while a container is created leaves it finished, or gone, or locked as told",
  peer: [SSHD, ...CONTAINERS],
  async fn() {
    await using stage = await startLifeStage(9);
    const template = await stage.pve.addTemplate();
    for (const [index, death] of DEATHS.entries()) {
      const ctid = 105 + index;
      await dieWithin(stage, creationOf(ctid, template), death);
      if (death === "server answered") await assertFinished(stage.pve, ctid);
      await cleanUp(stage, "container", ctid);
    }
    assert.deepEqual(await stage.pve.disks(), []);
  },
});
