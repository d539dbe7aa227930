/**
 * Runs the tests and ends with `N passed, N failed`. Arguments are files or folders, `tests` if there
 * are none; `--fast` leaves out the files that start other programs, `--times` also prints how long each
 * group of files and the slowest tests took. Suites whose programs are missing are named, and not
 * counted; with REQUIRE_PEERS=1 they fail instead.
 */
import { type Count, readReport } from "./support/junit.ts";
import { findTestFiles } from "./support/test_files.ts";

/** What fast tests may do: no other program, no network beyond this machine (RFC 6761: `.invalid` has no host). */
const FAST = [
  ...["--allow-read", "--allow-write", "--allow-env", "--allow-sys"],
  ...["--allow-net=127.0.0.0/8,localhost,[::1],0.0.0.0,none.invalid", "--deny-run", "--deny-ffi"],
  "--parallel",
];
/** What starting servers, hosts and other programs takes. */
const ALL = ["--allow-all"];
const PARALLEL = [...ALL, "--parallel"];

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const paths = args.filter((arg) => !arg.startsWith("--"));
  const files = findTestFiles(paths.length > 0 ? paths : ["tests"]);
  const fast = run("fast", FAST, files.fast, "piped");
  const runs: Run[] = [];
  if (args.includes("--fast")) runs.push(await fast);
  else {
    const together = [
      fast,
      run("parallel", PARALLEL, files.parallel),
      run("process", ALL, files.process, "piped"),
    ];
    runs.push(...await Promise.all(together));
    runs.push(...await Promise.all(files.timed.map((file) => run("timed", ALL, [file], "piped"))));
  }
  if (args.includes("--times")) printTimes(runs);
  return summarize(runs);
}

/** The outcome of a group of files. */
interface Run extends Count {
  readonly group: string;
  readonly seconds: number;
}

/**
 * Runs files in one process. If it fails, that counts as a failure whatever its report says.
 *
 * @param output "piped" prints the output at the end, because another run prints at the same time
 */
async function run(
  group: string,
  options: readonly string[],
  files: readonly string[],
  output: "inherit" | "piped" = "inherit",
): Promise<Run> {
  if (files.length === 0) {
    return { group, seconds: 0, passed: 0, failed: 0, skipped: [], times: [] };
  }
  const report = Deno.makeTempFileSync({ prefix: "mre_report_", suffix: ".xml" });
  const startedAtMs = performance.now();
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["test", "--quiet", "--no-check", "--no-prompt", ...options],
        `--junit-path=${report}`,
        ...files,
      ],
      stdin: "null",
      stdout: output,
      stderr: output,
    }).spawn();
    const texts = output === "piped" ? [child.stdout, child.stderr].map(textOf) : [];
    const { code } = await child.status;
    const seconds = (performance.now() - startedAtMs) / 1000;
    for (const text of await Promise.all(texts)) print(text);
    const count = readReport(Deno.readTextFileSync(report));
    const failed = code !== 0 && count.failed === 0 ? 1 : count.failed;
    return { ...count, group, seconds, failed };
  } finally {
    Deno.removeSync(report);
  }
}

function printTimes(runs: readonly Run[]): void {
  const groups = runs.map(({ group, seconds }) => `${group} ${seconds.toFixed()} s`);
  print(`*** TIME: ${groups.join(", ")}`);
  const slowest = runs.flatMap(({ group, times }) => times.map((time) => ({ ...time, group })))
    .sort((a, b) => b.seconds - a.seconds).slice(0, 30);
  for (const { group, name, seconds } of slowest) {
    print(`*** ${seconds.toFixed(1)} s: ${name} (${group})`);
  }
}

function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream).text();
}

function summarize(runs: readonly Count[]): number {
  const sum = (of: (count: Count) => number) => runs.reduce((total, one) => total + of(one), 0);
  const skipped = Map.groupBy(runs.flatMap((one) => one.skipped), ({ reason }) => reason);
  for (const [reason, tests] of skipped) {
    const files = [...new Set(tests.map(({ file }) => file))].sort();
    print(`*** SKIPPED (${reason}): ${tests.length} tests in ${files.join(", ")}`);
  }
  const failed = sum((one) => one.failed);
  print(`${sum((one) => one.passed)} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function print(line: string): void {
  const bytes = new TextEncoder().encode(`${line.trimEnd()}\n`);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}
