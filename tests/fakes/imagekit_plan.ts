import type { Failure } from "./imagekit_replies.ts";

/** The kind of a request. `delete` covers one file and a batch, `purge` also its status. */
export type Operation = "upload" | "list" | "details" | "delete" | "purge" | "delivery";

/** `api` is any of list, details, delete and purge. */
export type FailureTarget = Operation | "api";

/** Failures that wait for their requests. */
export class FailurePlan {
  readonly #waiting: { target: FailureTarget; failure: Failure; times: number }[] = [];

  add(target: FailureTarget, failure: Failure, times: number): void {
    this.#waiting.push({ target, failure, times });
  }

  /** Returns the failure for the next request of this kind, if one is planned. */
  take(operation: Operation): Failure | undefined {
    const isApi = operation !== "upload" && operation !== "delivery";
    const entry = this.#waiting.find(({ target, times }) =>
      times > 0 && (target === operation || target === "api" && isApi)
    );
    if (entry === undefined) return undefined;
    entry.times -= 1;
    return entry.failure;
  }
}

/** Names a request's operation by method and path. */
export function operationOf(request: Request, imagekitId: string): Operation | "unknown" {
  const { pathname } = new URL(request.url);
  const line = `${request.method} ${pathname}`;
  const delivery = new RegExp(`^(GET|HEAD) /${imagekitId}/`);
  if (delivery.test(line)) return "delivery";
  return ROUTES.find(([pattern]) => pattern.test(line))?.[1] ?? "unknown";
}

const ROUTES: readonly [RegExp, Operation][] = [
  [/^POST \/api\/v[12]\/files\/upload$/, "upload"],
  [/^GET \/v1\/files\/?$/, "list"],
  [/^GET \/v1\/files\/[^/]+\/details$/, "details"],
  [/^POST \/v1\/files\/purge$/, "purge"],
  [/^GET \/v1\/files\/purge\/[^/]+$/, "purge"],
  [/^POST \/v1\/files\/batch\/deleteByFileIds$/, "delete"],
  [/^DELETE \/v1\/files\/[^/]+$/, "delete"],
];
