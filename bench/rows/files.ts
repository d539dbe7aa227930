import type { Rows } from "../harness.ts";
import { measureTransfers } from "../transfers.ts";

/** Small and large files both ways. */
export const filesRows: Rows = {
  name: "files",
  about: "upload and download of 8 MB and 200 MB",
  async measure(bench) {
    await using server = await bench.startServer();
    await using openSsh = await bench.openSsh();
    const small = { bytes: 8_000_000, rounds: 15 };
    const aim = { of: "ratio", least: 0.7, goal: 1 } as const;
    const large = { bytes: 200_000_000, rounds: 7, aim };
    return [
      ...await measureTransfers(bench, server, openSsh, small),
      ...await measureTransfers(bench, server, openSsh, large),
    ];
  },
};
