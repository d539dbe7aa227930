/** The outcome of a run of tests. */
export interface Count {
  readonly passed: number;
  readonly passedNames: readonly string[];
  readonly failed: number;
  readonly failures: readonly FailedTest[];
  readonly skipped: readonly SkippedTest[];
  readonly times: readonly TestTime[];
}

/** A test that failed. */
export interface FailedTest {
  readonly name: string;
  /** The beginning of what it reported, on one line. */
  readonly message: string;
}

/** How long a test took. */
export interface TestTime {
  readonly name: string;
  readonly seconds: number;
}

/** A test that was skipped. */
export interface SkippedTest {
  /** Its name without the reason. */
  readonly name: string;
  /** The reason in its name. */
  readonly reason: string;
  /** Its file, relative to the project. */
  readonly file: string;
}

/** Counts the tests of a report in JUnit's format one by one; its totals are not used. */
export function readReport(xml: string): Count {
  const skipped: SkippedTest[] = [];
  const times: TestTime[] = [];
  const failures: FailedTest[] = [];
  const passedNames: string[] = [];
  for (const [, attributes = "", body = ""] of xml.matchAll(TEST_CASE)) {
    const name = attribute("name", attributes);
    times.push({ name, seconds: Number(attribute("time", attributes)) });
    if (body.includes("<skipped")) {
      const [, reason, file] = SKIPPED.exec(name) ?? [];
      skipped.push({
        name: name.replace(SKIPPED, ""),
        reason: reason ?? "no reason given",
        file: file ?? "an unknown file",
      });
    } else if (/<(failure|error)\b/.test(body)) failures.push({ name, message: messageIn(body) });
    else passedNames.push(name);
  }
  return {
    passed: passedNames.length,
    passedNames,
    failed: failures.length,
    failures,
    skipped,
    times,
  };
}

/** The end of the name of a test that `peerTest()` skipped. The report does not contain the file. */
const SKIPPED = / \[skipped: (.+); in (.+)\]$/;

/** The first 400 characters of a failure's report, without colors. Empty if the test was only cancelled. */
function messageIn(body: string): string {
  const text = /<(?:failure|error)\b[^>]*>([\s\S]*)<\/(?:failure|error)>/.exec(body)?.[1] ?? "";
  // deno-lint-ignore no-control-regex -- colors begin with ESC
  const plain = unescape(text).replace(/\x1b\[[0-9;]*m/g, "");
  return plain.replace(/\s+/g, " ").trim().slice(0, 400);
}

const TEST_CASE = /<testcase\b((?:[^>"]|"[^"]*")*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;

const attribute = (name: string, attributes: string): string =>
  unescape(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  amp: "&",
};

const unescape = (text: string): string =>
  text.replace(/&(lt|gt|quot|apos|amp);/g, (entity, name: string) => ENTITIES[name] ?? entity);
