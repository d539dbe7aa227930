/** The pages' style. Stands in the page itself; the policy allows exactly this text. */
export const STYLE = `
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

/** The countdown, which is an extra: the page works without it. Counts what the server said is left. */
export const SCRIPT = `
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
