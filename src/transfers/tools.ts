import type { Config } from "../config/config.ts";
import type { LongCalls } from "../mcp/long_calls.ts";
import type { Tool } from "../mcp/tool.ts";
import type { ContainerAccess } from "../proxmox/container_access.ts";
import type { SshService } from "../ssh/service.ts";
import type { TransfersPort } from "./port.ts";

/** What the tools of the storage services need. */
export interface TransferParts {
  readonly port: TransfersPort;
  readonly ssh: Pick<SshService, "stat">;
  /** Undefined when Proxmox is off. */
  readonly containers: ContainerAccess | undefined;
  /** Lets large transfers answer before they are done. */
  readonly calls: LongCalls;
}

/**
 * Returns the tools of the storage services that are configured. The module of a service that is not
 * configured is not loaded.
 */
export async function transferTools(
  { imageKit, r2, ssh: { host } }: Pick<Config, "imageKit" | "r2" | "ssh">,
  { port, ssh, containers, calls }: TransferParts,
): Promise<Tool[]> {
  const tools: Tool[] = [];
  if (imageKit !== undefined) {
    const { imageKitTools } = await import("./imagekit/tools.ts");
    const { ImageKitService } = await import("./imagekit/service.ts");
    const parts = { port, ssh, config: imageKit, host, containers };
    tools.push(...imageKitTools(new ImageKitService(parts), calls));
  }
  if (r2 !== undefined) {
    const { exchangeTools } = await import("./exchange/tools.ts");
    const { ExchangeService } = await import("./exchange/service.ts");
    tools.push(...exchangeTools(new ExchangeService({ port, config: r2, containers }), calls));
  }
  return tools;
}
