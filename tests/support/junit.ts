/** What a run of tests came to. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  /** Names of the tests that were left out, by the reason in their names. */
  readonly skipped: ReadonlyMap<string, readonly string[]>;
}

/**
 * Counts the tests of a report in JUnit's format, one by one, so that no total has to be believed.
 * An empty report has none.
 */
export function readReport(xml: string): Count {
  const skipped = new Map<string, string[]>();
  let passed = 0;
  let failed = 0;
  for (const [, attributes = "", body = ""] of xml.matchAll(TEST_CASE)) {
    const name = unescape(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? "");
    if (body.includes("<skipped")) {
      const reason = /\[skipped: ([^\]]+)\]$/.exec(name)?.[1] ?? "no reason given";
      skipped.set(reason, [...skipped.get(reason) ?? [], name]);
    } else if (/<(failure|error)\b/.test(body)) failed++;
    else passed++;
  }
  return { passed, failed, skipped };
}

const TEST_CASE = /<testcase\b((?:[^>"]|"[^"]*")*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  amp: "&",
};

const unescape = (text: string): string =>
  text.replace(/&(lt|gt|quot|apos|amp);/g, (whole, name: string) => ENTITIES[name] ?? whole);
