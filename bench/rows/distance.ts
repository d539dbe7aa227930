import { type DelayProxy, startDelayProxy } from "../../tests/peers/delay_proxy.ts";
import { exec, interleave, type Rows, timed } from "../harness.ts";
import { figure, median } from "../numbers.ts";
import { measureTransfers } from "../transfers.ts";
import { startEcho } from "../echo.ts";

const ROUND_TRIP_MS = 20;

/**
 * The same host, but far away. Each side has a link of its own, so that their turns can be counted.
 * A round trip is what one byte takes there and back on such a link: timers add to the nominal time.
 */
export const distanceRows: Rows = {
  name: "distance",
  about: `at ${ROUND_TRIP_MS} ms of round-trip time: exec in round trips, 8 MB both ways`,
  async measure(bench) {
    const link = { targetPort: bench.sshd.port, oneWayMs: ROUND_TRIP_MS / 2 };
    await using ourLink = startDelayProxy(link);
    await using theirLink = startDelayProxy(link);
    await using server = await bench.startServer({ port: ourLink.port });
    await using openSsh = await bench.openSsh(theirLink.port);
    const where = `, ${ROUND_TRIP_MS} ms away`;
    await exec(server, "true");
    const turns = { ours: [] as number[], theirs: [] as number[] };
    await using echo = await startEcho(ROUND_TRIP_MS / 2);
    const { ours, theirs, bare } = await interleave(25, {
      bare: () => timed(() => echo.roundTrip()),
      ours: () => counted(ourLink, turns.ours, () => exec(server, "true")),
      theirs: () => counted(theirLink, turns.theirs, () => openSsh.exec("true")),
    });
    const roundTripMs = median(bare);
    const trips = (ms: readonly number[]) => figure(ms.map((each) => each / roundTripMs));
    return [
      {
        what: `exec \`true\`${where}`,
        unit: "round trips",
        ours: trips(ours),
        theirs: trips(theirs),
        aim: { of: "value", most: 2.2 },
      },
      {
        what: "the same, turns on the wire",
        unit: "round trips",
        ours: figure(turns.ours),
        theirs: figure(turns.theirs),
      },
      ...await measureTransfers(bench, server, openSsh, { bytes: 8_000_000, rounds: 7, where }),
    ];
  },
};

/** Milliseconds of a call; notes how often the conversation went there and back. What is not answered
 * does not count. */
async function counted(
  link: DelayProxy,
  turns: number[],
  call: () => Promise<unknown>,
): Promise<number> {
  const before = link.traffic().flights;
  const ms = await timed(call);
  turns.push(Math.floor((link.traffic().flights - before) / 2));
  return ms;
}
