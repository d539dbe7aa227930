/** What one worker may touch: `host:port` or `unix:PATH` each, and paths. */
export interface Permissions {
  readonly net: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** The row in Deno's form. An empty list becomes `false`. */
export function toDenoPermissions(row: Permissions): Deno.PermissionOptionsObject {
  const some = (list: readonly string[]) => list.length === 0 ? false : [...list];
  return {
    net: some(row.net),
    read: some(row.read),
    write: some(row.write),
    env: false,
    run: false,
    sys: false,
    ffi: false,
    import: false,
  };
}
