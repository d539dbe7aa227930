import fc from "fast-check";

/**
 * fast-check with the same examples in each run, so that a new failure comes from a change of the code. Set
 * `MRE_SEED` to a number to try others.
 */
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(Deno.env.get("MRE_SEED") ?? 1) });

export default fc;
