import { createHash } from "node:crypto";
import type { Child } from "hono/jsx";
import { raw } from "hono/html";
import { safeFileName } from "../safe_names.ts";
import type { Source } from "../sources/source.ts";

/** The style of all pages. It is part of the page; the policy allows exactly this text. */
const STYLE = `
:root{color-scheme:light dark;--bg:#f3f4f6;--card:#fff;--text:#16191d;--soft:#5a6370;--line:#d9dde3;--accent:#0b5bd3;--on:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#0f1216;--card:#191e24;--text:#eef1f5;--soft:#a3adba;--line:#323a44;--accent:#7db4ff;--on:#0b1220}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100svh;display:grid;place-items:center;padding:1rem;background:var(--bg);color:var(--text);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:34rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:clamp(1.25rem,5vw,2.25rem)}
h1{font-size:clamp(1.25rem,5vw,1.625rem);line-height:1.25;margin:0 0 1.25rem;overflow-wrap:anywhere}
p{margin:0 0 .75rem}
.kind{margin:0 0 .25rem;color:var(--soft);font-size:.875rem}
dl{display:grid;grid-template-columns:1fr 1fr;gap:1rem;margin:0 0 1.5rem;padding:1rem 0;border:solid var(--line);border-width:1px 0}
.wide{grid-column:1/-1}
dt{color:var(--soft);font-size:.875rem}
dd{margin:0;font-variant-numeric:tabular-nums}
code{display:block;max-width:32ch;font:.8125rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
button{display:block;width:100%;min-height:3.25rem;padding:.75rem 1rem;border:0;border-radius:.625rem;background:var(--accent);color:var(--on);font:inherit;font-size:1.0625rem;font-weight:600;line-height:1.2;cursor:pointer}
button:hover{filter:brightness(1.1)}
button:focus-visible{outline:3px solid var(--text);outline-offset:3px}
button:disabled{background:var(--line);color:var(--soft);cursor:not-allowed;filter:none}
.note{margin:1rem 0 0;color:var(--soft);font-size:.875rem}
main>:last-child{margin-bottom:0}
`.trim();

/** The countdown. The page works without it. It counts down the remaining time that the server sent. */
const SCRIPT = `
(function(){
var time=document.getElementById("expiry");
if(!time)return;
var end=Date.now()+Number(time.dataset.seconds)*1000;
function tick(){
var left=Math.max(0,Math.ceil((end-Date.now())/1000));
if(left>0){
time.textContent="in "+Math.floor(left/60)+":"+String(left%60).padStart(2,"0")+" minutes";
return;
}
clearInterval(timer);
time.textContent="expired";
document.getElementById("download").disabled=true;
document.getElementById("note").textContent="This link has expired. Ask for a new one.";
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

/** Returns the page with the download button. Without script it shows a time instead of a countdown. */
export function linkPage(source: Source, expiresAtMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.ceil((expiresAtMs - nowMs) / 1000));
  const expires = new Date(expiresAtMs).toISOString();
  const name = safeFileName(source.downloadName);
  return render(
    `Download ${name}`,
    <>
      <p class="kind">{source.kind === "directory" ? "Folder, as a zip archive" : "File"}</p>
      <h1>
        <bdi>{name}</bdi>
      </h1>
      <dl>
        <div>
          <dt>Size</dt>
          <dd title={`${source.size} bytes`}>
            {formatSize(source.size)}
            {source.kind === "directory" ? " of files" : ""}
          </dd>
        </div>
        <div>
          <dt>Expires</dt>
          <dd>
            <time dateTime={expires} id="expiry" data-seconds={String(seconds)} role="timer">
              in {formatDuration(seconds)}
            </time>
          </dd>
        </div>
        {source.sha256 !== undefined && (
          <div class="wide">
            <dt>SHA-256</dt>
            <dd>
              <code>{source.sha256}</code>
            </dd>
          </div>
        )}
      </dl>
      <form method="post">
        <button type="submit" id="download">Download</button>
      </form>
      <p class="note" role="status" id="note">
        This link works once. If the download is interrupted, come back here in this browser and
        press the button again.{source.kind === "directory" &&
          " It then starts from the beginning."}
      </p>
    </>,
  );
}

/** Returns the page of a link that has ended or never existed. */
export const deadPage = (message: string): string =>
  render(
    "Link not available",
    <>
      <p class="kind">Link not available</p>
      <h1>This link does not work anymore</h1>
      <p>{message}.</p>
      <p>
        A link works once, and only for a limited time. Ask the person or the assistant who sent it
        for a new one.
      </p>
    </>,
  );

/** Returns the page of a link whose file has changed. */
export const changedPage = (message: string): string =>
  render(
    "File has changed",
    <>
      <p class="kind">Link not available</p>
      <h1>The file has changed</h1>
      <p>{message}, so it cannot be downloaded with the old checksum.</p>
      <p>Ask the person or the assistant who sent the link for a new one.</p>
    </>,
  );

/** Returns the page that asks to try again later. */
export const laterPage = (title: string, message: string): string =>
  render(
    title,
    <>
      <h1>{title}</h1>
      <p>{message}.</p>
    </>,
  );

function render(title: string, content: Child): string {
  const page = (
    <html lang="en">
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

/** Returns a size for people, such as `1.4 MB`, in powers of 1000. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit] ?? "TB"}`;
}

const formatDuration = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} minutes`;
