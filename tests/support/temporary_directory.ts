/** An empty directory, without links in its path, that is removed at the end of its block. */
export interface TemporaryDirectory extends Disposable {
  readonly path: string;
}

/** Makes a directory that is removed when it is disposed of. */
export function temporaryDirectory(): TemporaryDirectory {
  const path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "mre_test_" }));
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
