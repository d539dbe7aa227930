import { cancelled, RemoteExecError } from "../errors.ts";

/**
 * Returns a signal that is aborted together with `signal` and whose reason is always a
 * RemoteExecError: `cancelled` when the caller's reason is another one or missing.
 *
 * It listens to `signal` for as long as that exists, so use it for the signal of one call.
 */
export function cancelling(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const onAbort = () =>
    controller.abort(signal.reason instanceof RemoteExecError ? signal.reason : cancelled());
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return controller.signal;
}
