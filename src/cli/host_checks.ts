import { pooledMap } from "../async/pooled_map.ts";
import { type Config, needsSudo } from "../config/config.ts";
import { offers, offersFamily } from "../config/offer.ts";
import { errorText, RemoteExecError } from "../errors.ts";
import type { Workers } from "../server/workers.ts";
import type { Check, SshPort } from "../ssh/port.ts";

/** A check, of one host where there are several. */
export interface DoctorCheck extends Check {
  readonly host?: string;
}

/** Hosts that are checked at a time; each needs a worker. */
const HOSTS_AT_A_TIME = 4;

/** Checks the host, or each of several hosts, and Proxmox where it is on. */
export async function hostChecks(
  config: Config,
  workers: Pick<Workers, "ssh" | "hosts">,
): Promise<DoctorCheck[]> {
  // Without a tool that needs the host, the worker must not connect to it.
  if (!offers(config.offer, "host")) return [];
  const { hosts } = workers;
  if (config.hosts === undefined || hosts === undefined) {
    return await checksOf(workers.ssh.port, config);
  }
  const entries = [...config.hosts.list.entries()];
  const found = await pooledMap(entries, HOSTS_AT_A_TIME, async ([number, host]) => {
    const checks = host.ssh === undefined
      ? [{
        step: "configuration",
        ok: false,
        detail: host.fault?.message ?? "",
        remedy: host.fault?.remedy,
      }]
      : await checksOf(hosts.port(number), { ...config, ssh: host.ssh, proxmox: host.proxmox });
    return checks.map(({ step, detail, ok, remedy }) => ({
      ...{ host: host.name, step, ok, detail },
      ...(remedy === undefined ? {} : { remedy }),
    }));
  });
  return found.flat();
}

async function checksOf(
  port: SshPort,
  config: Pick<Config, "offer" | "limits" | "proxmox" | "ssh">,
): Promise<Check[]> {
  const host = await port.diagnose();
  const isNode = config.proxmox && offersFamily(config.offer, "proxmox") &&
    host.some(({ step, ok }) => step === "command" && ok);
  return isNode ? [...host, await proxmoxCheck(port, config)] : host;
}

async function proxmoxCheck(
  port: SshPort,
  { limits, ssh }: Pick<Config, "limits" | "ssh">,
): Promise<Check> {
  // Loaded only here: most configurations do not need it.
  const [{ SshService }, { ProxmoxService }] = await Promise.all([
    import("../ssh/service.ts"),
    import("../proxmox/service.ts"),
  ]);
  const step = "Proxmox";
  const context = { signal: new AbortController().signal, progress: undefined };
  try {
    const service = new SshService(port, limits, undefined, { needsSudo: needsSudo(ssh) });
    const { guests } = new ProxmoxService(service, limits);
    const { length } = await guests.listContainers(context);
    return { step, ok: true, detail: `${length} container${length === 1 ? "" : "s"} on the node` };
  } catch (error) {
    const remedy = error instanceof RemoteExecError ? error.suggestion : "Check ENABLE_PROXMOX";
    return { step, ok: false, detail: errorText(error), remedy };
  }
}
