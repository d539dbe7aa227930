import { RemoteExecError } from "../../../errors.ts";
import type { SshJobsPort } from "../../jobs/port.ts";

/** The jobs of the host. */
export class HostJobs {
  readonly start: SshJobsPort["startJob"] = () => Promise.reject(notBuilt());
  readonly read: SshJobsPort["readJob"] = () => Promise.reject(notBuilt());
  readonly list: SshJobsPort["listJobs"] = () => Promise.reject(notBuilt());
  readonly stop: SshJobsPort["stopJob"] = () => Promise.reject(notBuilt());
}

const notBuilt = () =>
  new RemoteExecError("unsupported", "The host does not support jobs", "Use ssh_exec_command");
