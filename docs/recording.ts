/**
 * Records `deno task demo` as an animated picture, docs/demo.svg. Run by `deno task recording`; a test fails while the
 * picture shows anything else than what the program prints.
 */
import { stripVTControlCharacters } from "node:util";
import { coreTour } from "../tests/demo/core.ts";
import { runTour, type Show, type Step } from "../tests/demo/tour.ts";
import { projectFile } from "../tests/support/project.ts";

/** The steps of the tour that fit into a short recording. */
const SHOWN = [/^A command$/, /fails/, /^A file to the host$/, /outside/, /may touch/];

/** What one step printed. */
export interface Scene {
  readonly title: string;
  readonly lines: readonly string[];
}

/** Runs the steps and returns what they print, without what differs from run to run. */
export async function recordScenes(): Promise<Scene[]> {
  const scenes: Scene[] = [];
  let title = "";
  const show: Show = {
    step: (next) => title = next,
    leftOut: (what, reason) => fail(`${what}: ${reason}`),
    failed: (error, log) => fail(`${error}\n${log}`),
    done: (lines) => scenes.push({ title, lines: lines.flatMap(steady) }),
  };
  await runTour({ ...coreTour, steps: coreTour.steps.filter(isShown) }, show);
  return scenes;
}

const isShown = ({ title }: Step) => SHOWN.some((shown) => shown.test(title));

function fail(reason: string): never {
  throw new Error(`The demo cannot be recorded: ${reason}`);
}

/** Ports, directories, hashes of random content and times differ in each run. */
function steady(line: string): string[] {
  if (/^(Time|Transfer speed|Summary|Output): /.test(line)) return [];
  const text = stripVTControlCharacters(line)
    .replace(/127\.0\.0\.1:\d{5}/g, "127.0.0.1:22")
    .replace(
      /\/[\w./-]*\/(ssh_host|demo)_\w+/g,
      (_, owner) => owner === "demo" ? "~" : "/home/operator",
    )
    .replace(/^SHA-256: .*/, "SHA-256: …");
  return [text];
}

const COLUMNS = 96;
const ROWS = 26;
const LINE_PX = 18;
const MARGIN_PX = 16;
/** Seconds before the next line of a step, before the next step, and before the recording starts again. */
const PACE = { line: 0.12, scene: 2.4, end: 4 };

interface Row {
  readonly text: string;
  readonly kind: "title" | "good" | "bad" | "plain";
  /** Seconds from the start. */
  readonly at: number;
}

/** Returns the picture. It needs no script, and stands still for a reader who prefers reduced motion. */
export function recordingSvg(scenes: readonly Scene[]): string {
  const rows = rowsOf(scenes);
  const seconds = (rows.at(-1)?.at ?? 0) + PACE.end;
  const percent = (at: number) => `${(100 * at / seconds).toFixed(2)}%`;
  const shown = rows.map(({ at }, index) =>
    `@keyframes r${index}{0%{opacity:0}${percent(at)}{opacity:1}}`
  );
  const scrolled = rows.map(({ at }, index) =>
    `${percent(at)}{transform:translateY(-${Math.max(0, index + 1 - ROWS) * LINE_PX}px)}`
  );
  const texts = rows.map(({ text, kind }, index) =>
    `<text class="${kind}" y="${(index + 1) * LINE_PX}" style="animation-name:r${index}">${
      escapeXml(text)
    }</text>`
  );
  const [width, height] = [COLUMNS * 8 + 2 * MARGIN_PX, ROWS * LINE_PX + 2 * MARGIN_PX];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${LABEL}">
<style>
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre;fill:#d6deeb}
.title{fill:#7fdbca;font-weight:bold}.good{fill:#addb67}.bad{fill:#ff9aa2}
@media (prefers-reduced-motion:no-preference){
text{animation-duration:${
    seconds.toFixed(1)
  }s;animation-iteration-count:infinite;animation-timing-function:step-end}
#page{animation:scroll ${seconds.toFixed(1)}s step-end infinite}
@keyframes scroll{0%{transform:none}${scrolled.join("")}}
${shown.join("\n")}
}
</style>
<rect width="${width}" height="${height}" rx="8" fill="#011627"/>
<svg x="${MARGIN_PX}" y="${MARGIN_PX - 4}" width="${width - 2 * MARGIN_PX}" height="${
    ROWS * LINE_PX + 8
  }">
<g id="page">
${texts.join("\n")}
</g>
</svg>
</svg>
`;
}

const LABEL =
  "Recording of the demo: commands, a verified upload, a refused file and the table of permissions";

function rowsOf(scenes: readonly Scene[]): Row[] {
  const rows: Row[] = [];
  let at = 0;
  const add = (text: string, kind: Row["kind"]) => {
    rows.push({ text, kind, at });
    at += PACE.line;
  };
  for (const { title, lines } of scenes) {
    add(`# ${title}`, "title");
    for (const line of lines.flatMap(wrapped)) add(line, kindOf(line));
    add("", "plain");
    at += PACE.scene;
  }
  return rows;
}

function kindOf(line: string): Row["kind"] {
  if (/^(\[ERROR\]|\[WARNING\])/.test(line)) return "bad";
  return /^(\[SUCCESS\]|=== EXIT CODE: 0)/.test(line) ? "good" : "plain";
}

function wrapped(line: string): string[] {
  if (line.length <= COLUMNS) return [line];
  const cut = line.lastIndexOf(" ", COLUMNS);
  return [line.slice(0, cut), ...wrapped(`    ${line.slice(cut + 1)}`)];
}

const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Where the picture is. */
export const RECORDING = projectFile("docs/demo.svg");

if (import.meta.main) Deno.writeTextFileSync(RECORDING, recordingSvg(await recordScenes()));
