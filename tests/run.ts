/**
 * Runs the tests and ends with `N passed, N failed`. Arguments are files or folders, `tests` if there
 * are none. `--fast` runs only the files that start no other program, `--programs` only the tests that
 * need one, `--timed` only the files marked `@timed`, and `--no-timed` all others; `--without=PATH` leaves
 * out a file or folder. `--times` also prints how long each group of files and the slowest tests took.
 *
 * TEST_NAMES is a file to which `passed NAME` or `skipped NAME` is added for each test. Suites whose programs
 * are missing are named, and not counted; with REQUIRE_PEERS=1 they fail instead.
 */
import { pooledMap } from "../src/async/pooled_map.ts";
import { type Count, readReport } from "./support/junit.ts";
import { temporaryDirectory } from "./support/temporary_directory.ts";
import { findTestFiles, joinByCount, joinTestFiles, type TestFiles } from "./support/test_files.ts";

/** What fast tests may do: no other program, no network beyond this machine (RFC 6761: `.invalid` has no host). */
const FAST = [
  ...["--allow-read", "--allow-write", "--allow-env", "--allow-sys"],
  ...["--allow-net=127.0.0.0/8,localhost,[::1],0.0.0.0,none.invalid", "--deny-run", "--deny-ffi"],
  "--parallel",
];
/** Some of them only wait for the first half of the time. */
const FAST_JOBS = navigator.hardwareConcurrency + 3;
/** Node reads this file of certificates at every start, which takes as long as the rest; the tests need none. */
const NO_CERTIFICATES = { NODE_EXTRA_CA_CERTS: "" };
/** Names in archives and downloads are UTF-8, which some programs take only with such a locale. */
const LOCALE = ["LC_ALL", "LC_CTYPE", "LANG"].some((name) => Deno.env.get(name))
  ? {}
  : { LANG: "C.UTF-8" };
/** What starting servers, hosts and other programs takes. */
const ALL = ["--allow-all"];
const PEER_TESTS_ONLY = "--preload=tests/support/peer_tests_only.ts";
/**
 * An isolate for each file takes a third of a second of processor time. One process for all grows, and copies
 * more memory for each program that a test starts.
 */
const FILES_PER_ISOLATE = 4;
const WITHOUT = "--without=";
/** They wait most of the time, but some look at all processes of the machine within seconds. */
const TIMED_AT_ONCE = 3;
/** A test that hangs ends its group. Five times what the longest group takes. */
const MAX_RUN_MS = 40 * 60_000;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const paths = args.filter((arg) => !arg.startsWith("--"));
  const without = args.filter((arg) => arg.startsWith(WITHOUT)).map((arg) =>
    arg.slice(WITHOUT.length)
  );
  const found = findTestFiles(paths.length > 0 ? paths : ["tests"], {
    needsPrograms: args.includes("--programs"),
    without,
  });
  const options = args.includes("--programs") ? [...ALL, PEER_TESTS_ONLY] : ALL;
  const files = select(found, args);
  await fetchPackages();
  using modules = temporaryDirectory();
  const fast = run("fast", FAST, joinTestFiles(files.fast, modules.path));
  const runs: Run[] = [];
  if (args.includes("--fast")) runs.push(await fast);
  else {
    // The tests of the whole server take longest: the last ones should not wait for one of them.
    const parallel = joinByCount(files.parallel.toReversed(), FILES_PER_ISOLATE, modules.path);
    const together = [
      fast,
      runEach(
        "parallel",
        options,
        parallel,
        Number(Deno.env.get("DENO_JOBS") || navigator.hardwareConcurrency),
      ),
      run("process", options, files.process),
    ];
    runs.push(...await Promise.all(together));
    runs.push(await runEach("timed", options, files.timed, TIMED_AT_ONCE));
  }
  if (args.includes("--times")) printTimes(runs);
  writeNames(runs);
  return summarize(runs);
}

function select(files: TestFiles, args: readonly string[]): TestFiles {
  if (args.includes("--no-timed")) return { ...files, timed: [] };
  if (args.includes("--timed")) return { fast: [], parallel: [], process: [], timed: files.timed };
  return files;
}

/** The programs that the tests start use what is there: a download's message would be taken for their output. */
async function fetchPackages(): Promise<void> {
  const args = ["install", "--frozen", "--quiet"];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" })
    .output();
  if (!success) print(new TextDecoder().decode(stderr));
}

/** The outcome of a group of files. */
interface Run extends Count {
  readonly group: string;
  readonly seconds: number;
}

/** Runs each file in a process of its own, `width` of them at a time. */
async function runEach(
  group: string,
  options: readonly string[],
  files: readonly string[],
  width: number,
): Promise<Run> {
  const startedAtMs = performance.now();
  const runs = await pooledMap(files, width, (file) => run(group, options, [file]));
  return {
    group,
    seconds: (performance.now() - startedAtMs) / 1000,
    passed: sum(runs, ({ passed }) => passed),
    passedNames: runs.flatMap(({ passedNames }) => passedNames),
    failed: sum(runs, ({ failed }) => failed),
    failures: runs.flatMap(({ failures }) => failures),
    skipped: runs.flatMap(({ skipped }) => skipped),
    times: runs.flatMap(({ times }) => times),
  };
}

/** Runs files in one process. If it fails, that counts as a failure whatever its report says. */
async function run(
  group: string,
  options: readonly string[],
  files: readonly string[],
): Promise<Run> {
  if (files.length === 0) {
    return { ...readReport(""), group, seconds: 0 };
  }
  const report = Deno.makeTempFileSync({ prefix: "mre_report_", suffix: ".xml" });
  const startedAtMs = performance.now();
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["test", "--config=deno.json", "--quiet", "--no-check", "--no-prompt", ...options],
        `--junit-path=${report}`,
        ...files,
      ],
      env: {
        ...NO_CERTIFICATES,
        ...LOCALE,
        ...(group === "fast" ? { DENO_JOBS: `${FAST_JOBS}` } : {}),
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const texts = [child.stdout, child.stderr].map((stream) => new Response(stream).text());
    const watchdog = setTimeout(() => child.kill("SIGKILL"), MAX_RUN_MS);
    const { code } = await child.status;
    clearTimeout(watchdog);
    const seconds = (performance.now() - startedAtMs) / 1000;
    const [stdout = "", stderr = ""] = await Promise.all(texts);
    [stdout, stderr].forEach(print);
    const count = readReport(Deno.readTextFileSync(report));
    // A test's own failure has a message; an error between the tests only ends their process.
    if (code === 0 || count.failures.some(({ message }) => message !== "")) {
      return { ...count, group, seconds };
    }
    const message = errorLines(`${stdout}\n${stderr}`) || `exit code ${code}`;
    const failures = [{ name: `the process of the ${group} tests`, message }];
    return { ...count, group, seconds, failed: Math.max(count.failed, 1), failures };
  } finally {
    Deno.removeSync(report);
  }
}

function writeNames(runs: readonly Run[]): void {
  const path = Deno.env.get("TEST_NAMES") || undefined;
  if (path === undefined) return;
  const skipped = runs.flatMap((one) => one.skipped.map(({ name }) => `skipped ${name}`));
  const passed = runs.flatMap((one) => one.passedNames.map((name) => `passed ${name}`));
  const lines = [...skipped, ...passed].map((line) => `${line.replaceAll("\n", " ")}\n`);
  Deno.writeTextFileSync(path, lines.join(""), { append: true });
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

/** The lines of an output that say what ended a process which no test accounts for. */
function errorLines(output: string): string {
  const lines = output.split("\n").filter((line) => !/ \.\.\. ok \(/.test(line));
  return lines.filter((line) => /^error|\berror:|FAILED|has been running/i.test(line))
    .slice(-3).join(
      " | ",
    );
}

function summarize(runs: readonly Count[]): number {
  const skipped = Map.groupBy(runs.flatMap((one) => one.skipped), ({ reason }) => reason);
  for (const [reason, tests] of skipped) {
    const files = [...new Set(tests.map(({ file }) => file))].sort();
    print(`*** SKIPPED (${reason}): ${tests.length} tests in ${files.join(", ")}`);
  }
  // Last: a long output is often cut in its middle.
  for (const { name, message } of runs.flatMap((one) => one.failures)) {
    print(`*** FAILED: ${name}: ${message}`);
  }
  const failed = sum(runs, (one) => one.failed);
  print(`${sum(runs, (one) => one.passed)} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function sum(counts: readonly Count[], of: (count: Count) => number): number {
  return counts.reduce((total, one) => total + of(one), 0);
}

function print(line: string): void {
  write(new TextEncoder().encode(`${line.trimEnd()}\n`));
}

function write(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}
