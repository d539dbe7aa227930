import type { Endpoint } from "../ssh/port.ts";

/** What the Proxmox module gives to those that move files into containers and out of them. */
export interface ContainerAccess {
  endpoint(ctid: number, path: string): Endpoint;
  /** A failure as Proxmox words it, such as a container that does not exist; others as they are. */
  problem(ctid: number, error: unknown, signal: AbortSignal): Promise<unknown>;
}

/** What a failure with a file is called by those who know its container; others as they are. */
export async function explained(
  containers: ContainerAccess | undefined,
  ctid: number | undefined,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (ctid === undefined || containers === undefined) return error;
  return await containers.problem(ctid, error, signal);
}
