import * as comlink from "comlink";
import type { Config } from "../config/config.ts";
import type { SshPort } from "../ssh/port.ts";
import type { TransfersPort } from "./port.ts";

/** Configures the transfers worker and joins it to the ssh worker: bytes then pass from one to the other. */
export async function connectTransfers(
  transfers: TransfersPort,
  ssh: Pick<SshPort, "serveFiles">,
  { imageKit, r2, logLevel, secrets }: Pick<Config, "imageKit" | "r2" | "logLevel" | "secrets">,
): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  await Promise.all([
    ssh.serveFiles(comlink.transfer(port1, [port1])),
    transfers.configure(
      { imageKit, r2, logLevel, secrets },
      comlink.transfer(port2, [port2]),
    ),
  ]);
}
