/** The outcome of a run of tests. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
  readonly times: readonly TestTime[];
}

/** How long a test took. */
export interface TestTime {
  readonly name: string;
  readonly seconds: number;
}

/** A test that was skipped. */
export interface SkippedTest {
  /** The reason in its name. */
  readonly reason: string;
  /** Its file, relative to the project. */
  readonly file: string;
}

/** Counts the tests of a report in JUnit's format one by one; its totals are not used. */
export function readReport(xml: string): Count {
  const skipped: SkippedTest[] = [];
  const times: TestTime[] = [];
  let passed = 0;
  let failed = 0;
  for (const [, attributes = "", body = ""] of xml.matchAll(TEST_CASE)) {
    const seconds = Number(attribute("time", attributes));
    times.push({ name: attribute("name", attributes), seconds });
    if (body.includes("<skipped")) {
      const [, reason, file] = SKIPPED.exec(attribute("name", attributes)) ?? [];
      skipped.push({ reason: reason ?? "no reason given", file: file ?? "an unknown file" });
    } else if (/<(failure|error)\b/.test(body)) failed++;
    else passed++;
  }
  return { passed, failed, skipped, times };
}

/** The end of the name of a test that `peerTest()` skipped. The report does not contain the file. */
const SKIPPED = /\[skipped: (.+); in (.+)\]$/;

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
