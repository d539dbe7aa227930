import { PACKAGE, VERSION } from "./names.ts";

/** A system that the program is built for. */
export interface Target {
  /** Part of file and package names. */
  readonly name: string;
  /** What `deno compile --target` takes. */
  readonly triple: string;
  /** `process.platform` of Node. */
  readonly os: "linux" | "darwin" | "win32";
  /** `process.arch` of Node. */
  readonly cpu: "x64" | "arm64";
}

/** Every system that a release has a binary for. */
export const TARGETS: readonly Target[] = [
  { name: "linux-x64", triple: "x86_64-unknown-linux-gnu", os: "linux", cpu: "x64" },
  { name: "linux-arm64", triple: "aarch64-unknown-linux-gnu", os: "linux", cpu: "arm64" },
  { name: "macos-x64", triple: "x86_64-apple-darwin", os: "darwin", cpu: "x64" },
  { name: "macos-arm64", triple: "aarch64-apple-darwin", os: "darwin", cpu: "arm64" },
  { name: "windows-x64", triple: "x86_64-pc-windows-msvc", os: "win32", cpu: "x64" },
];

/** Returns the name of the executable on a system. */
export const programName = ({ os }: Target): string => os === "win32" ? `${PACKAGE}.exe` : PACKAGE;

/** Returns the name of a target's executable in a release. */
export const binaryName = ({ name, os }: Target): string =>
  `${PACKAGE}-${name}${os === "win32" ? ".exe" : ""}`;

/** Returns the name of a target's bundle for Claude Desktop. */
export const bundleName = ({ name }: Target): string => `${PACKAGE}-${name}.mcpb`;

/** Returns the name of the npm package that carries a target's executable. */
export const platformPackage = ({ name }: Target): string => `${PACKAGE}-${name}`;

/** Returns the file name of a packed npm package. */
export const tarballName = (name: string): string => `${name}-${VERSION}.tgz`;
