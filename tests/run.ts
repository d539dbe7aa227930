/**
 * Runs the tests and ends with `N passed, N failed`. Arguments are files or folders; all of `tests`
 * without any. Tests whose programs are missing are named; with REQUIRE_PEERS=1 they fail instead.
 */
import { type Count, readReport } from "./support/junit.ts";

/** The rights that starting servers, hosts and other programs takes; the tests of pure code have none. */
const RIGHTS = ["--allow-all", "--no-prompt"];

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(paths: readonly string[]): Promise<number> {
  const report = Deno.makeTempFileSync({ prefix: "mre_report_", suffix: ".xml" });
  try {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: [
        "test",
        "--quiet",
        "--no-check",
        ...RIGHTS,
        `--junit-path=${report}`,
        ...(paths.length > 0 ? paths : ["tests"]),
      ],
      stdin: "null",
    }).spawn().status;
    return summarize(readReport(Deno.readTextFileSync(report)), code);
  } finally {
    Deno.removeSync(report);
  }
}

/** A run that ended badly has failed, whatever the report says: it may have ended before its time. */
function summarize(count: Count, code: number): number {
  const failed = code !== 0 && count.failed === 0 ? 1 : count.failed;
  for (const [reason, names] of count.skipped) {
    print(
      `*** SKIPPED (${reason}): ${names.length} tests\n${
        names.map((n) => `      ${n}`).join("\n")
      }`,
    );
  }
  if (count.skipped.size > 0) print("*** Skipped tests are not counted.");
  print(`${count.passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function print(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}
