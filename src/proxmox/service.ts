import { type Clock, systemClock } from "../async/clock.ts";
import type { Limits } from "../config/config.ts";
import type { JobsService } from "../ssh/jobs/service.ts";
import type { SshService } from "../ssh/service.ts";
import { Backups } from "./cluster/backups.ts";
import { Storages } from "./cluster/storages.ts";
import { Templates } from "./cluster/templates.ts";
import { Migration } from "./cluster/migration.ts";
import { Networks } from "./cluster/networks.ts";
import { NodeHealthReader } from "./cluster/node_health.ts";
import { Tasks } from "./cluster/tasks.ts";
import { Usage } from "./cluster/usage.ts";
import type { ContainerAccess } from "./container_access.ts";
import { ContainerExec, containerJob, withoutStart } from "./guests/container_exec.ts";
import { containerEndpoint, ContainerFiles } from "./guests/container_files.ts";
import type { GuestExec, GuestKind } from "./guests/guest.ts";
import { Guests } from "./guests/guests.ts";
import { GuestDisks } from "./guests/disks.ts";
import { GuestSettings } from "./guests/settings.ts";
import { GuestSnapshots } from "./guests/snapshots.ts";
import { VmExec } from "./guests/vm_exec.ts";
import { Cloning } from "./life/cloning.ts";
import { Destruction } from "./life/destruction.ts";
import { Restoring } from "./life/restoring.ts";
import { Creation } from "./life/creation.ts";
import { GuestMaker } from "./life/maker.ts";
import type { JobRequest } from "../ssh/jobs/port.ts";
import { ProxmoxHost } from "./host.ts";
import { StateChanges } from "./states/changes.ts";

/** The services of the Proxmox VE node that the SSH host is. */
export class ProxmoxService {
  readonly guests: Guests;
  readonly states: StateChanges;
  readonly settings: GuestSettings;
  readonly disks: GuestDisks;
  readonly exec: Readonly<Record<GuestKind, GuestExec>>;
  readonly files: ContainerFiles;
  readonly snapshots: GuestSnapshots;
  readonly backups: Backups;
  readonly usage: Usage;
  readonly templates: Templates;
  readonly health: NodeHealthReader;
  readonly networks: Networks;
  readonly migration: Migration;
  readonly tasks: Tasks;
  readonly creation: Creation;
  readonly cloning: Cloning;
  readonly restoring: Restoring;
  readonly destruction: Destruction;
  readonly #containerExec: ContainerExec;

  /** After this long a running command's call answers; 0: never. */
  readonly answerWithinMs: number;
  /** How a job runs in a container. */
  readonly containerJob: typeof containerJob;

  /** @param jobs undefined: no command in a VM goes on as a job */
  constructor(
    ssh: SshService,
    { characterLimit }: Limits,
    { clock = systemClock, jobs }: { readonly clock?: Clock; readonly jobs?: JobsService } = {},
  ) {
    const host = new ProxmoxHost(ssh);
    const { rootOnly } = ssh;
    this.containerJob = (...args) => ({ ...containerJob(...args), ...rootOnly });
    const { answerWithinMs } = ssh;
    this.answerWithinMs = answerWithinMs;
    const vmJobs = jobs && {
      answerWithinMs,
      start: (request: JobRequest, signal: AbortSignal) =>
        jobs.start({ ...request, ...rootOnly }, signal),
    };
    this.guests = new Guests(host);
    this.states = new StateChanges(host, this.guests, clock);
    this.settings = new GuestSettings(host);
    this.disks = new GuestDisks(host, this.guests);
    this.#containerExec = new ContainerExec(ssh, host, characterLimit);
    this.exec = {
      container: this.#containerExec,
      vm: new VmExec(host, clock, characterLimit, vmJobs),
    };
    this.files = new ContainerFiles(ssh, this.guests);
    this.snapshots = new GuestSnapshots(host, this.guests);
    this.backups = new Backups(host);
    this.usage = new Usage(host);
    this.health = new NodeHealthReader(host, clock);
    this.networks = new Networks(host);
    this.migration = new Migration(host, clock);
    this.tasks = new Tasks(host, clock);
    const storages = new Storages(host);
    this.templates = new Templates(host, storages);
    const { guests, states } = this;
    const maker = new GuestMaker(host, { guests, states, storages, clock });
    this.creation = new Creation(host, maker);
    this.cloning = new Cloning(maker);
    this.restoring = new Restoring(host, guests, maker);
    this.destruction = new Destruction(host, { guests, storages, maker });
  }

  /** What other slices need to move files into containers and out of them. */
  get containerAccess(): ContainerAccess {
    return {
      endpoint: containerEndpoint,
      problem: (ctid, error, signal) => this.files.containerProblem(ctid, error, signal),
    };
  }

  /** What the text tools need to work in containers. */
  get textContainers() {
    return {
      ...this.containerAccess,
      endpoint: containerEndpoint,
      command: (ctid: number, command: string, timeoutMs: number) => ({
        request: this.#containerExec.request(ctid, command, timeoutMs),
        outcome: withoutStart,
      }),
    };
  }
}
