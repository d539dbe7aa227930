/** With `--preload`, only tests registered with `peerTest()` run: those that name the programs they need. */
// Must come first: `peerTest()` keeps the original `Deno.test`.
import "../peers/require.ts";

Object.defineProperty(Deno, "test", { value: Object.assign(() => {}, Deno.test) });
