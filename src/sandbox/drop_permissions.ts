const RIGHTS = ["net", "read", "write", "env", "run", "sys", "ffi", "import"] as const;

/**
 * Gives up every right of this isolate, for good. Workers keep theirs.
 *
 * @throws Error when the runtime still grants one
 */
export function dropRights(): void {
  for (const name of RIGHTS) {
    const { state } = Deno.permissions.revokeSync({ name });
    if (state === "granted") throw new Error(`The right ${name} could not be given up`);
  }
}
