/**
 * fast-check, which tries the same cases in every run: a run fails only for what was changed, and not
 * for a case that no run before has tried. FAST_CHECK_SEED tries others.
 */
import fc from "fast-check/library";

fc.configureGlobal({ seed: Number(Deno.env.get("FAST_CHECK_SEED") || 1) });

export { default } from "fast-check/library";
