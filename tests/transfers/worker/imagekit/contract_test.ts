import { systemClock } from "../../../../src/async/clock.ts";
import { createLogger } from "../../../../src/log.ts";
import { ImageKitBridge } from "../../../../src/transfers/worker/imagekit/imagekit_bridge.ts";
import { makeObjectName } from "../../../../src/transfers/imagekit/signed_names.ts";
import {
  bridgeContract,
  type BridgeUnderTest,
  call,
  sourceOf,
  text,
} from "../../../contracts/bridge.ts";
import { type FakeImageKit, startImageKit } from "../../../fakes/imagekit.ts";

const FOLDER = "/mcp-remote-exec";

bridgeContract({
  subject: "ImageKitBridge",
  metadata: {},
  start() {
    const accounts: FakeImageKit[] = [];
    return Promise.resolve({
      async fresh() {
        const fake = await startImageKit({ separateOrigins: true });
        accounts.push(fake);
        return under(fake);
      },
      async [Symbol.asyncDispose]() {
        await Promise.all(accounts.map((fake) => fake.close()));
      },
    });
  },
});

function under(fake: FakeImageKit): BridgeUnderTest {
  const { privateKey } = fake;
  const bridge = new ImageKitBridge({
    ...{ publicKey: fake.publicKey, privateKey, urlEndpoint: fake.urlEndpoint, folder: FOLDER },
    ...{ apiUrl: fake.apiUrl, uploadUrl: fake.uploadUrl },
    transferTimeoutMs: 3_300_000,
    maxFileBytes: 25_000_000,
  }, { fetch, clock: systemClock, logger: createLogger("error") });
  return {
    bridge,
    // The name of an object of ours contains its expiry.
    newName: (label) =>
      makeObjectName(
        privateKey,
        "upload",
        Math.floor(Date.now() / 1000) + (label === "expired" ? -1_000 : 3_000),
      ),
    addForeign() {
      const bytes = text("foreign");
      const planted = [
        fake.plant({ name: "mcp-upload-1500000000-somebody", folder: FOLDER, bytes }),
        fake.plant({ name: "holiday.jpg", folder: "/", bytes }),
      ];
      return Promise.resolve(() => {
        const ids = fake.objects().map(({ fileId }) => fileId);
        return Promise.resolve(planted.every(({ fileId }) => ids.includes(fileId)));
      });
    },
    async addExpired(name) {
      await bridge.put({ name, metadata: {} }, sourceOf(text("over")), call());
    },
  };
}
