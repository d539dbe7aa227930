import { createHash } from "node:crypto";
import type { Child } from "hono/jsx";
import { raw } from "hono/html";
import { safeFileName } from "../safe_names.ts";
import type { Source } from "../sources/source.ts";
import { iconOf } from "./file_icon.ts";
import { ENGLISH, type Words } from "./page_words.ts";

/**
 * The style of all pages. It is part of the page; the policy allows exactly this text. A rule with `:user-valid`
 * stands alone: browsers that do not know it drop the complete rule.
 */
const STYLE = `
:root{color-scheme:light dark;--bg:#f3f4f6;--card:#fff;--text:#16191d;--soft:#5a6370;--line:#d9dde3;--accent:#0b5bd3;--on:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#0f1216;--card:#191e24;--text:#eef1f5;--soft:#a3adba;--line:#323a44;--accent:#7db4ff;--on:#0b1220}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100svh;display:grid;place-items:center;padding:1rem;background:var(--bg);color:var(--text);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:34rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:clamp(1.25rem,5vw,2.25rem)}
h1{font-size:clamp(1.25rem,5vw,1.625rem);line-height:1.25;margin:0 0 1.25rem;overflow-wrap:anywhere}
p{margin:0 0 .75rem}
.icon{display:block;width:2.5rem;height:2.5rem;margin:0 0 .75rem -.3rem;color:var(--accent);fill:none;stroke:currentColor;stroke-width:1.5;stroke-linejoin:round;stroke-linecap:round}
.kind{margin:0 0 .25rem;color:var(--soft);font-size:.875rem}
.sender{margin:-1rem 0 1.25rem}
dl{display:grid;grid-template-columns:1fr 1fr;gap:1rem;margin:0 0 1.5rem;padding:1rem 0;border:solid var(--line);border-width:1px 0}
.wide{grid-column:1/-1}
dt{color:var(--soft);font-size:.875rem}
dd{margin:0;font-variant-numeric:tabular-nums}
ul{margin:0;padding:0;list-style:none;overflow-wrap:anywhere}
@media(min-width:34rem){ul{columns:2;column-gap:1rem}}
code{display:block;user-select:all;-webkit-user-select:all;max-width:32ch;font:.8125rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
button{display:block;width:100%;min-height:3.25rem;padding:.75rem 1rem;border:0;border-radius:.625rem;background:var(--accent);color:var(--on);font:inherit;font-size:1.0625rem;font-weight:600;line-height:1.2;cursor:pointer}
button:hover{filter:brightness(1.1)}
button:focus-visible{outline:3px solid var(--text);outline-offset:3px}
button:disabled{background:var(--line);color:var(--soft);cursor:not-allowed;filter:none}
.note{margin:1rem 0 0;color:var(--soft);font-size:.875rem}
.started{display:none;color:var(--text)}
input:user-valid~div>.started{display:block}
@media(forced-colors:active){button{border:2px solid ButtonBorder}button:disabled{border-color:GrayText}.icon{color:CanvasText}}
main>:last-child{margin-bottom:0}
`.trim();

/** The countdown. The page works without it. It counts down the remaining time that the server sent. */
const SCRIPT = `
(function(){
var time=document.getElementById("expiry"),note=document.getElementById("note");
if(!time)return;
var end=Date.now()+Number(time.dataset.seconds)*1000;
function tick(){
var left=Math.max(0,Math.ceil((end-Date.now())/1000));
if(left>0){
time.textContent=time.dataset.text.replace("#",Math.floor(left/60)+":"+String(left%60).padStart(2,"0"));
return;
}
clearInterval(timer);
time.textContent=time.dataset.expired;
document.getElementById("download").disabled=true;
note.textContent=note.dataset.expired;
}
var timer=setInterval(tick,250);
tick();
})();
`.trim();

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Allows a page its own style, script and form, and nothing else. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "img-src data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What a page shows besides the file. */
export interface View {
  readonly words?: Words;
  /** Who sends the link. */
  readonly sender?: string | undefined;
}

/**
 * Returns the page with the download button. Without script it shows a time instead of a countdown. The style
 * shows that the download has started: the invisible checkbox becomes `:user-valid` when the form is sent.
 */
export function linkPage(
  source: Source,
  expiresAtMs: number,
  nowMs: number,
  { words = ENGLISH, sender }: View = {},
): string {
  const seconds = Math.max(0, Math.ceil((expiresAtMs - nowMs) / 1000));
  const expires = new Date(expiresAtMs).toISOString();
  const name = safeFileName(source.downloadName);
  const isFolder = source.kind === "directory";
  const size = formatSize(source.size, words.language);
  return render(
    words.title.replace("#", () => name),
    words,
    <>
      <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
        <path d={iconOf(source)} />
      </svg>
      <p class="kind">{isFolder ? words.folder : words.file}</p>
      <h1>
        <bdi>{name}</bdi>
      </h1>
      {sender !== undefined && <p class="kind sender">{fill(words.from, <bdi>{sender}</bdi>)}</p>}
      <dl>
        <div>
          <dt>{words.size}</dt>
          <dd title={formatBytes(source.size, words.language)}>
            {isFolder ? words.ofFiles.replace("#", size) : size}
          </dd>
        </div>
        <div>
          <dt>{words.expires}</dt>
          <dd>
            <time
              dateTime={expires}
              id="expiry"
              data-seconds={String(seconds)}
              data-text={words.inMinutes}
              data-expired={words.expired}
              role="timer"
            >
              {words.inMinutes.replace("#", formatDuration(seconds))}
            </time>
          </dd>
        </div>
        {contents(source, words)}
        {source.sha256 !== undefined && (
          <div class="wide">
            <dt>SHA-256</dt>
            <dd>
              <code title={words.selectSum}>{source.sha256}</code>
            </dd>
          </div>
        )}
      </dl>
      <form method="post">
        <input type="checkbox" required checked hidden />
        <button type="submit" id="download">{words.download}</button>
        <div role="status">
          <p class="note started">{words.started}</p>
          <p class="note" id="note" data-expired={words.hasExpired}>
            {words.onlyOnce}
            {isFolder && ` ${words.fromStart}`}
          </p>
        </div>
      </form>
    </>,
  );
}

function contents({ contents }: Source, words: Words): Child {
  if (contents === undefined || contents.names.length === 0) return undefined;
  const more = contents.count - contents.names.length;
  return (
    <div class="wide">
      <dt>{words.contents}</dt>
      <dd>
        <ul>
          {contents.names.map((name) => (
            <li>
              <bdi>{shortName(name)}</bdi>
            </li>
          ))}
          {more > 0 && <li>{words.more.replace("#", formatNumber(more, words.language))}</li>}
        </ul>
      </dd>
    </div>
  );
}

/** Twenty long names must not make the page large. */
const MAX_NAME = 100;

/** @param name ends in `/` for a directory */
function shortName(name: string): string {
  const shown = safeFileName(name.replace(/\/$/, "")) + (name.endsWith("/") ? "/" : "");
  return shown.length > MAX_NAME
    ? `${shown.slice(0, MAX_NAME).replace(/[\ud800-\udbff]$/, "")}…`
    : shown;
}

/** Returns a sentence with an element in place of its `#`. */
function fill(sentence: string, value: Child): Child {
  const [before = "", after = ""] = sentence.split("#");
  return <>{before}{value}{after}</>;
}

/** Returns the page of a link that has ended or never existed. */
export const deadPage = (words: Words = ENGLISH): string =>
  render(
    words.unavailable,
    words,
    <>
      <p class="kind">{words.unavailable}</p>
      <h1>{words.deadHeading}</h1>
      <p>{words.deadText}</p>
      <p>{words.deadAdvice}</p>
    </>,
  );

/** Returns the page of a link whose file has changed. */
export const changedPage = (words: Words = ENGLISH): string =>
  render(
    words.changedTitle,
    words,
    <>
      <p class="kind">{words.unavailable}</p>
      <h1>{words.changedHeading}</h1>
      <p>{words.changedText}</p>
      <p>{words.changedAdvice}</p>
    </>,
  );

/** Returns the page that asks to try again later. */
export const laterPage = (title: string, message: string, words: Words = ENGLISH): string =>
  render(
    title,
    words,
    <>
      <h1>{title}</h1>
      <p>{message}</p>
    </>,
  );

function render(title: string, { language }: Words, content: Child): string {
  const page = (
    <html lang={language}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex, nofollow" />
        <title>{title}</title>
        <link rel="icon" href="data:," />
        <style>{raw(STYLE)}</style>
      </head>
      <body>
        <main>{content}</main>
        <script>{raw(SCRIPT)}</script>
      </body>
    </html>
  );
  return `<!DOCTYPE html>${page.toString()}`;
}

/** Returns a size for people, such as `1.4 MB`, in powers of 1000 and as the language writes it. */
export function formatSize(bytes: number, language = "en"): string {
  if (bytes < 1000) return formatBytes(bytes, language);
  const units = ["kilobyte", "megabyte", "gigabyte", "terabyte"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = value < 10 ? 1 : 0;
  return new Intl.NumberFormat(language, {
    ...{ style: "unit", unit: units[unit] ?? "terabyte", unitDisplay: "short", useGrouping: false },
    ...{ minimumFractionDigits: digits, maximumFractionDigits: digits },
  }).format(value);
}

const formatBytes = (bytes: number, language: string): string =>
  new Intl.NumberFormat(language, { style: "unit", unit: "byte", unitDisplay: "long" })
    .format(bytes);

const formatNumber = (value: number, language: string): string =>
  new Intl.NumberFormat(language).format(value);

const formatDuration = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
