const PERMISSIONS = ["net", "read", "write", "env", "run", "sys", "ffi", "import"] as const;

/**
 * Drops every permission of this isolate, for good. Workers keep theirs.
 *
 * @param kept those that a command of the command line still needs
 * @throws Error when the runtime still grants one
 */
export function dropPermissions(kept: readonly (typeof PERMISSIONS)[number][] = []): void {
  for (const name of PERMISSIONS) {
    if (kept.includes(name)) continue;
    const { state } = Deno.permissions.revokeSync({ name });
    if (state === "granted") throw new Error(`The permission ${name} could not be dropped`);
  }
}
