import { join } from "node:path";
import type { Config } from "../config/config.ts";
import type { FileIdentity } from "../local/paths.ts";

/** Directories that may hold tens of thousands of files, and parts of the source that do not run. */
const SKIPPED = [".git", "node_modules", "npm", "remote", "gen", "tests", "bench", "docs"];
const MAX_FILES = 5_000;

/**
 * Returns the configuration with the identities of the server's own files, which no worker may look at
 * itself: with them, a hard link to one of these files is refused like the file. An audit log that does
 * not exist is created first, because a file without an identity cannot be recognized.
 */
export function withOwnIdentities(config: Config): Config {
  if (config.auditLog !== undefined) create(config.auditLog);
  const found: FileIdentity[] = [];
  for (const path of config.files.own) collect(path, found, found.length + MAX_FILES);
  return { ...config, files: { ...config.files, ownIdentities: found } };
}

function collect(path: string, found: FileIdentity[], max: number): void {
  try {
    const info = Deno.statSync(path);
    if (!info.isDirectory) return void found.push({ dev: info.dev, ino: info.ino });
    collectBelow(path, found, max);
  } catch {
    // What is missing or unreadable has no identity.
  }
}

function collectBelow(directory: string, found: FileIdentity[], max: number): void {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(directory)) {
    if (found.length >= max) return;
    const path = join(directory, name);
    if (isFile) collect(path, found, max);
    else if (isDirectory && !SKIPPED.includes(name)) collectBelow(path, found, max);
  }
}

function create(path: string): void {
  try {
    Deno.openSync(path, { create: true, append: true, mode: 0o600 }).close();
  } catch {
    // The server reports it when it opens the file for good.
  }
}
