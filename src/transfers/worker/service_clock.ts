/**
 * Returns by how many milliseconds this machine's clock is ahead of a service's, negative if it is behind;
 * undefined without a `Date` header. A cached response (`Age`) shows an old time and does not count.
 */
export function aheadMs(headers: Headers | undefined, nowMs: number): number | undefined {
  const dateMs = Date.parse(headers?.get("date") ?? "");
  const isCached = Number(headers?.get("age") ?? 0) > 0;
  return Number.isNaN(dateMs) || isCached ? undefined : nowMs - dateMs;
}
