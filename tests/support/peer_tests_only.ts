/** Loaded before test files, it leaves out every test that names no program: see `peerTest()`. */
// Keeps Deno.test for the others.
import "../peers/require.ts";

Object.defineProperty(Deno, "test", { value: Object.assign(() => {}, Deno.test) });
