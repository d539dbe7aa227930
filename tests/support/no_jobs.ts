import type { SshJobsPort } from "../../src/ssh/jobs/port.ts";
import type { SshPort } from "../../src/ssh/port.ts";

const none = () => Promise.reject(new Error("this fake has no jobs"));

/** The calls about jobs of a fake SshPort that has none. */
export const NO_JOBS: SshJobsPort & Pick<SshPort, "readKept"> = {
  startJob: none,
  readJob: none,
  listJobs: none,
  stopJob: none,
  readKept: none,
};
