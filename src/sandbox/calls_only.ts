import type * as comlink from "comlink";

/** A request of comlink that asks for more than a call. */
const REFUSED = {
  code: "internal",
  message: "The other side may only be called",
  suggestion: "Report this defect",
} as const;

/**
 * An endpoint that lets nothing but plain calls through to comlink's `expose`: of the functions in
 * `names`, or of the exposed function itself without them. All else is answered with an error.
 *
 * comlink also reads, sets and constructs along any path, `stat.constructor` among them: from there
 * text becomes a function, so a hijacked worker could run code of its own in the isolate that it calls.
 * Source: comlink 4.4.2 src/comlink.ts, `expose`, message types SET and CONSTRUCT.
 */
export function callsOnly(
  endpoint: comlink.Endpoint,
  names?: ReadonlySet<string>,
): comlink.Endpoint {
  const filters = new Map<unknown, EventListener>();
  return {
    postMessage: (message, transfer) => endpoint.postMessage(message, transfer ?? []),
    start: () => endpoint.start?.(),
    addEventListener(type, listener) {
      const filter = (event: Event) => {
        const request: unknown = (event as MessageEvent).data; // only messages are listened to
        if (!isCall(request, names) || !handOn(listener, event)) refuse(endpoint, request);
      };
      filters.set(listener, filter);
      endpoint.addEventListener(type, filter);
    },
    removeEventListener(type, listener) {
      const filter = filters.get(listener);
      if (filter !== undefined) endpoint.removeEventListener(type, filter);
      // comlink does this when the other side has released the port, and closes ports that it knows as such.
      if (endpoint instanceof MessagePort) endpoint.close();
    },
  };
}

function isCall(request: unknown, names: ReadonlySet<string> | undefined): boolean {
  if (typeof request !== "object" || request === null) return false;
  const { type, path = [] } = request as { type?: unknown; path?: unknown }; // still to be judged
  if (type === "RELEASE") return true;
  if (type !== "APPLY" || !Array.isArray(path)) return false;
  if (names === undefined) return path.length === 0;
  return path.length === 1 && typeof path[0] === "string" && names.has(path[0]);
}

/** False when the arguments cannot be read; comlink would throw that into the whole isolate. */
function handOn(listener: EventListenerOrEventListenerObject, event: Event): boolean {
  try {
    if (typeof listener === "function") listener(event);
    else listener.handleEvent(event);
    return true;
  } catch {
    return false;
  }
}

function refuse(endpoint: comlink.Endpoint, request: unknown): void {
  const id = (request as { id?: unknown } | null)?.id; // copied as it is, whatever it is
  // Answers to calls of this side pass here too where both directions share an endpoint.
  if (typeof request !== "object" || request === null || !("type" in request)) return;
  if (["HANDLER", "RAW"].includes(String(request.type))) return;
  endpoint.postMessage({ id, type: "HANDLER", name: "throw", value: REFUSED }, []);
}
