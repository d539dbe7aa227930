import assert from "node:assert/strict";
import { SUPERVISE } from "../../../../src/ssh/worker/sudo/root_line.ts";

// The number of a reader that has ended may be that of any other process, and root may kill every one.
for (const bytes of ["all", "0"]) {
  Deno.test({
    name: `root kills no reader that has ended with stdin (${bytes})`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const log = 'kill() { echo "kill $*" >&2; command kill "$@"; }';
      // finish_job is what stops the command; the last part prints to a copy of stderr.
      const script = SUPERVISE.replaceAll("exec >/dev/null 2>&1", "exec >/dev/null");
      const { stderr } = await new Deno.Command("/bin/sh", {
        args: [
          ...["-c", `${log}\neval "$4"`, "root", "exec sleep 600", "token", "", script],
          ...["script", bytes, ""],
        ],
        stdin: "null",
      }).output();
      const printed = new TextDecoder().decode(stderr);
      const killed = (signal: string) =>
        printed.matchAll(new RegExp(`kill -${signal} (.*)`, "g"))
          .flatMap(([, pids = ""]) => pids.split(" ")).toArray();
      const stopped = killed("TERM");
      assert.ok(stopped.length > 0, printed);
      // On a busy machine the command gets KILL as well.
      for (const pid of killed("KILL")) assert.ok(stopped.includes(pid), printed);
    },
  });
}
