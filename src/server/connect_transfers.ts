import type { Config } from "../config/config.ts";
import { secretsIn } from "../config/secrets.ts";
import type { SshPort } from "../ssh/port.ts";
import type { TransfersPort } from "../transfers/port.ts";

/**
 * Configures the transfers worker and joins it to the ssh worker: bytes then pass from one to the other.
 *
 * @param shellPrefix the command before files of containers, with `#` for the number; see FilesGrant
 */
export async function connectTransfers(
  transfers: TransfersPort,
  ssh: Pick<SshPort, "serveFiles">,
  { imageKit, r2, logLevel, ...config }: Pick<Config, "imageKit" | "r2" | "logLevel" | "secrets">,
  shellPrefix?: string,
): Promise<void> {
  const secrets = secretsIn({ imageKit, r2 }, config.secrets);
  const { port1, port2 } = new MessageChannel();
  await Promise.all([
    ssh.serveFiles(port1, {
      // ImageKit is for clients on another machine: it has nothing to do with files of this one.
      kinds: r2 === undefined ? ["host", "shell"] : ["local", "host", "shell"],
      write: true,
      shellPrefix,
    }),
    transfers.configure(
      { imageKit, r2, logLevel, secrets },
      port2,
    ),
  ]);
}
