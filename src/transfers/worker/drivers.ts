import type { Bridge, BridgeTools } from "./bridge.ts";
import { ImageKitBridge } from "./imagekit/imagekit_bridge.ts";
import type { BridgeName, TransfersSettings } from "../port.ts";
import { R2Bridge } from "./r2/r2_bridge.ts";

/** One row a bridge: undefined when it is not configured. */
const DRIVERS: {
  readonly [Name in BridgeName]: (
    settings: TransfersSettings,
    tools: BridgeTools,
  ) => Bridge | undefined;
} = {
  imagekit: ({ imageKit }, tools) => imageKit && new ImageKitBridge(imageKit, tools),
  r2: ({ r2 }, tools) => r2 && new R2Bridge(r2, tools),
};

/** The drivers of the bridges that are configured. */
export const createBridges = (settings: TransfersSettings, tools: BridgeTools): Bridge[] =>
  Object.values(DRIVERS).map((create) => create(settings, tools))
    .filter((bridge) => bridge !== undefined);
