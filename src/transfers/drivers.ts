import type { Bridge, BridgeTools } from "./bridge.ts";
import { ImageKitBridge } from "./imagekit.ts";
import type { TransfersSettings } from "./port.ts";
import { R2Bridge } from "./r2.ts";

/** One row a bridge: undefined when it is not configured. */
const DRIVERS: readonly ((
  settings: TransfersSettings,
  tools: BridgeTools,
) => Bridge | undefined)[] = [
  ({ imageKit }, tools) => imageKit && new ImageKitBridge(imageKit, tools),
  ({ r2 }, tools) => r2 && new R2Bridge(r2, tools),
];

/** The drivers of the bridges that are configured. */
export function createBridges(settings: TransfersSettings, tools: BridgeTools): Bridge[] {
  return DRIVERS.map((create) => create(settings, tools)).filter((bridge) => bridge !== undefined);
}
