/** Builds the files of a release. Run by `deno task release`; `--help` says how. */
import { join } from "node:path";
import { projectFile } from "../tests/support/project.ts";
import { compile, type Missing, wrongSystem } from "./binaries.ts";
import { bundleMembers } from "./bundle.ts";
import { checksums, sha256 } from "./checksums.ts";
import { installer, INSTALLERS } from "./installers.ts";
import { PACKAGE, registryName, REPOSITORY, UNDECIDED } from "./names.ts";
import { executablePackage, mainPackage } from "./npm_packages.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { NOTICES, notices } from "./notices.ts";
import { type Package, packagesInBinary } from "./packages.ts";
import { sbom } from "./sbom.ts";
import { serverJson } from "./server_json.ts";
import { stage } from "./staging.ts";
import { type Member, tarball } from "./tarball.ts";
import { binaryName, bundleName, platformPackage, tarballName, type Target } from "./targets.ts";
import { zip } from "./zip.ts";

const FAILED = 1;
const MISUSED = 2;
const INCOMPLETE = 3;
const SERVER_JSON = "server.json";

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) return print(USAGE) ?? 0;
  const defaults = { output: projectFile("dist/release"), repository: REPOSITORY };
  const options = parseOptions(args, defaults);
  if (typeof options === "string") return print(`${options}\n\n${USAGE}`) ?? MISUSED;
  if (!mayReplace(options.output)) {
    return print(`${options.output} has other files: use an empty directory\n`) ?? MISUSED;
  }
  const { built, missing, files } = await release(options);
  for (const name of files) print(`wrote ${join(options.output, name)}\n`);
  if (options.repository === undefined) print(`note: ${UNDECIDED}\n`);
  if (!files.includes(SERVER_JSON)) print("note: no server.json, which needs one on GitHub\n");
  for (const { target, reason } of missing) print(`MISSING ${target.name}: ${reason}\n`);
  if (built.length === 0) return FAILED;
  return missing.length > 0 ? INCOMPLETE : 0;
}

/** What was written. Names are relative to the output directory. */
interface Release {
  readonly built: readonly Target[];
  readonly missing: readonly Missing[];
  readonly files: readonly string[];
}

/** Reports whether a directory is missing, empty or an earlier release. */
function mayReplace(path: string): boolean {
  const isNew = !isThere(path) || [...Deno.readDirSync(path)].length === 0;
  return isNew || isThere(join(path, "SHA256SUMS"));
}

/** Builds everything into an empty directory: an older file must not get into SHA256SUMS. */
async function release(options: Options): Promise<Release> {
  const { output } = options;
  if (isThere(output)) Deno.removeSync(output, { recursive: true });
  Deno.mkdirSync(output, { recursive: true });
  const packages = await packagesInBinary();
  const { built, missing } = await putBinaries(packages, options);
  if (built.length === 0) return { built, missing, files: [] };
  const texts = new Map([
    [NOTICES, notices(packages, Deno.version.deno)],
    [`${PACKAGE}.cdx.json`, json(sbomOf(packages, options))],
    ...INSTALLERS.map((name) => [name, installer(name, options.repository)] as const),
  ]);
  const archives = await writeArchives(built, texts.get(NOTICES) ?? "", options);
  const entry = serverJson(options.repository, bundlesOf(built, options));
  if (entry !== undefined) texts.set(SERVER_JSON, json(entry));
  for (const [name, text] of texts) Deno.writeTextFileSync(join(output, name), text);
  const files = [...built.map(binaryName), ...archives, ...texts.keys()];
  Deno.writeTextFileSync(join(output, "SHA256SUMS"), checksums(output, files));
  return { built, missing, files: [...files, "SHA256SUMS"] };
}

/** Compiles the executables, or takes those that exist. */
async function putBinaries(
  packages: readonly Package[],
  { targets, binaries, output }: Options,
): Promise<Pick<Release, "built" | "missing">> {
  const built: Target[] = [];
  const missing: Missing[] = [];
  const isCompiled = targets.some(({ name }) => !binaries.has(name));
  let noStaging = "";
  using staging = isCompiled
    ? await stage(packages, releaseTime()).catch((error: Error) => {
      noStaging = error.message;
      return undefined;
    })
    : undefined;
  for (const target of targets) {
    const path = join(output, binaryName(target));
    const given = binaries.get(target.name);
    if (given !== undefined) Deno.copyFileSync(given, path);
    const fault = given === undefined
      ? staging ? await compile(target, path, staging) : { target, reason: noStaging }
      : wrongSystem(target, path);
    if (fault === undefined) built.push(target);
    else missing.push(fault);
    // A file that cannot be used must not be published by accident.
    if (fault !== undefined && isThere(path)) Deno.removeSync(path);
  }
  return { built, missing };
}

/** Writes a bundle and an npm package for each executable, and the npm package that people install. */
async function writeArchives(
  built: readonly Target[],
  licenses: string,
  { output, repository, level }: Options,
): Promise<string[]> {
  const about = { repository, registryName: registryName(repository) };
  const packing = { level, time: releaseTime() };
  const names: string[] = [];
  const write = async (name: string, members: readonly Member[]) => {
    Deno.writeFileSync(join(output, tarballName(name)), await tarball(members, packing));
    names.push(tarballName(name));
  };
  for (const target of built) {
    const bytes = Deno.readFileSync(join(output, binaryName(target)));
    await write(platformPackage(target), executablePackage(target, bytes, licenses, about));
    const bundle = zip(await bundleMembers(target, bytes, licenses, repository), packing);
    Deno.writeFileSync(join(output, bundleName(target)), bundle);
    names.push(bundleName(target));
  }
  await write(PACKAGE, mainPackage(built, about));
  return names;
}

const bundlesOf = (built: readonly Target[], { output }: Options) =>
  built.map(bundleName)
    .map((name) => ({ name, sha256: sha256(Deno.readFileSync(join(output, name))) }));

const sbomOf = (packages: readonly Package[], { repository }: Options): unknown =>
  sbom({ packages, runtime: { version: Deno.version.deno }, repository, time: releaseTime() });

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** 1980: an archive cannot have an earlier time. */
const NO_COMMIT = 315_532_800;

/** Returns the time of the commit, so that the same commit yields the same files; without git, 1980. */
function releaseTime(): number {
  try {
    const { success, stdout } = new Deno.Command("git", {
      args: ["log", "-1", "--format=%ct"],
      cwd: projectFile(""),
      stderr: "null",
    }).outputSync();
    return success ? Number(new TextDecoder().decode(stdout)) : NO_COMMIT;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return NO_COMMIT;
    throw error;
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function print(text: string): undefined {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

// The last line: what it uses must be defined.
if (import.meta.main) Deno.exit(await main(Deno.args));
