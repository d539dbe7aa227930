import { exec, interleave, type Rows, timed } from "../harness.ts";
import { figure, percentile } from "../numbers.ts";

const ROUNDS = 30;
/** Calls in a row before the other one has its turn. */
const STREAK = 10;

/** A warm command of no duration, next to `ssh` through a warm shared connection. */
export const execRows: Rows = {
  name: "exec",
  about: "warm exec of `true`, p50 and p99",
  async measure(bench) {
    await using server = await bench.startServer();
    await using openSsh = await bench.openSsh();
    const streak = (call: () => Promise<unknown>, samples: number[]) => async () => {
      for (let count = 0; count < STREAK; count++) samples.push(await timed(call));
      return 0;
    };
    const ours: number[] = [];
    const theirs: number[] = [];
    const warmUp = streak(() => exec(server, "true"), []);
    for (let count = 0; count < 5; count++) await warmUp();
    await interleave(ROUNDS, {
      ours: streak(() => exec(server, "true"), ours),
      theirs: streak(() => openSsh.exec("true"), theirs),
    });
    const p99 = (samples: readonly number[]) => percentile(samples, 0.99);
    return [
      {
        what: "exec `true`, warm, p50",
        unit: "ms",
        ours: figure(ours),
        theirs: figure(theirs),
        aim: { of: "ratio", most: 0.4 },
      },
      {
        what: "exec `true`, warm, p99",
        unit: "ms",
        ours: { ...figure(ours, p99), low: p99(ours), high: p99(ours) },
        theirs: { ...figure(theirs, p99), low: p99(theirs), high: p99(theirs) },
      },
    ];
  },
};
