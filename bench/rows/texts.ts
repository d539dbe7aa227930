import { startDelayProxy } from "../../tests/peers/delay_proxy.ts";
import { startEcho } from "../echo.ts";
import { type Bench, interleave, type Rows, timed } from "../harness.ts";
import { figure, median } from "../numbers.ts";
import type { Server } from "../../tests/demo/server.ts";
import type { Result } from "../table.ts";

const ROUND_TRIP_MS = 20;
const LINE = 1_000_000;
const LOG_BYTES = 1_000_000_000;
const EDITED_BYTES = 1_000_000;

/** A page of a large log, and an edit of a file. */
export const textsRows: Rows = {
  name: "texts",
  about: "a page of a 1 GB log, also far away in round trips; an edit of a 1 MB file",
  async measure(bench) {
    const path = `${bench.remote}/log`;
    await makeLog(path);
    return [...await far(bench, path), ...await near(bench, path)];
  },
};

async function far(bench: Bench, path: string): Promise<Result[]> {
  await using link = startDelayProxy({
    targetPort: bench.sshd.port,
    oneWayMs: ROUND_TRIP_MS / 2,
  });
  await using server = await bench.startServer({ port: link.port });
  await using echo = await startEcho(ROUND_TRIP_MS / 2);
  await call(server, "ssh_read_file", { path, lines: 1 });
  const turns: number[] = [];
  const { bare, page } = await interleave(25, {
    bare: () => timed(() => echo.roundTrip()),
    page: async () => {
      const before = link.traffic().flights;
      const ms = await timed(() => call(server, "ssh_read_file", { path, lines: 50 }));
      turns.push(Math.floor((link.traffic().flights - before) / 2));
      return ms;
    },
  });
  const roundTripMs = median(bare);
  return [
    {
      what: `first 50 lines of a 1 GB log, ${ROUND_TRIP_MS} ms away`,
      unit: "round trips",
      ours: figure(page.map((ms) => ms / roundTripMs)),
    },
    {
      what: "the same, turns on the wire",
      unit: "round trips",
      ours: figure(turns),
      aim: { of: "value", most: 2 },
    },
  ];
}

async function near(bench: Bench, path: string): Promise<Result[]> {
  await using server = await bench.startServer();
  await using openSsh = await bench.openSsh();
  const edited = `${bench.remote}/edited`;
  await Deno.writeTextFile(edited, `${"a line of text\n".repeat(EDITED_BYTES / 15)}port=80\n`);
  if (Deno.uid() === 0) await Deno.chown(edited, bench.sshd.uid, null);
  let port = 80;
  const edit = () => {
    const edits = [{ old_text: `port=${port}\n`, new_text: `port=${++port}\n` }];
    return call(server, "ssh_edit_file", { path: edited, edits });
  };
  const page = { path, from_line: LINE, lines: 50 };
  await call(server, "ssh_read_file", page);
  const samples = await interleave(15, {
    page: () => timed(() => call(server, "ssh_read_file", page)),
    sed: () => timed(() => openSsh.exec(`sed -n '${LINE},${LINE + 49}p;${LINE + 49}q' ${path}`)),
    edit: () => timed(edit),
    sedEdit: () => timed(() => openSsh.exec(`sed -i 's/^port=x$/port=y/' ${edited}`)),
  });
  return [
    {
      what: "50 lines at line 1,000,000 of a 1 GB log, against `sed -n`",
      unit: "ms",
      ours: figure(samples.page),
      theirs: figure(samples.sed),
      aim: { of: "value", most: 1_000 },
    },
    {
      what: "edit of a 1 MB file, against `sed -i`",
      unit: "ms",
      ours: figure(samples.edit),
      theirs: figure(samples.sedEdit),
    },
  ];
}

async function call(server: Server, name: string, args: Record<string, unknown>): Promise<void> {
  const { data, text } = await server.call(name, args);
  if (data.success !== true) throw new Error(`The call has failed: ${text.slice(0, 500)}`);
}

/** Writes lines of about 86 characters. */
async function makeLog(path: string): Promise<void> {
  const block = Array.from(
    { length: 10_000 },
    (_, index) =>
      `2026-11-28T18:00:00 host app[${
        1_000 + index
      }]: request ${index} was handled without an error, ok\n`,
  ).join("");
  const bytes = new TextEncoder().encode(block);
  using file = await Deno.open(path, { write: true, create: true });
  for (let size = 0; size < LOG_BYTES;) size += await file.write(bytes);
}
