import type { Endpoint } from "../ssh/port.ts";

/** How containers are reached; main passes in what the Proxmox module knows. */
export interface Places {
  /** Undefined when Proxmox is off. */
  containerEndpoint(ctid: number, path: string): Endpoint | undefined;
  /** A failure as Proxmox words it, such as a container that does not exist; others as they are. */
  containerProblem?(ctid: number, error: unknown, signal: AbortSignal): Promise<unknown>;
}

/** What a failure with a file is called by those who know its container; others as they are. */
export async function explained(
  places: Places,
  ctid: number | undefined,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (ctid === undefined) return error;
  return await places.containerProblem?.(ctid, error, signal) ?? error;
}
