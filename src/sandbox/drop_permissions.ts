const PERMISSIONS = ["net", "read", "write", "env", "run", "sys", "ffi", "import"] as const;

/**
 * Drops every permission of this isolate, for good. Workers keep theirs.
 *
 * @throws Error when the runtime still grants one
 */
export function dropPermissions(): void {
  for (const name of PERMISSIONS) {
    const { state } = Deno.permissions.revokeSync({ name });
    if (state === "granted") throw new Error(`The permission ${name} could not be dropped`);
  }
}
