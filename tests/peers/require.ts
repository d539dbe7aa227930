import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { PROJECT } from "../support/project.ts";

/** A program that some tests need and that may be missing on a developer's machine. */
export interface Peer {
  readonly name: string;
  readonly debianPackage: string;
  readonly installed: boolean;
  /** The command that installs it, if that is not the Debian package. */
  readonly install?: string;
}

/**
 * A program, which is installed if all of `paths` exist.
 *
 * @param debianPackage named by the message when the program is missing
 */
export function peer(
  name: string,
  paths: string | readonly string[],
  debianPackage: string = name,
): Peer {
  const wanted = typeof paths === "string" ? [paths] : paths;
  return { name, debianPackage, installed: wanted.every(exists) };
}

/** Returns the path of a program on PATH, or a path that does not exist. */
export function onPath(program: string): string {
  const places = (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/${program}`);
  return places.find(exists) ?? `/missing/${program}`;
}

/** The OpenSSH server, with the programs its harness calls. */
export const SSHD: Peer = peer(
  "OpenSSH server",
  ["/usr/sbin/sshd", "/usr/bin/ssh-keygen"],
  "openssh-server",
);

/** The command line clients of OpenSSH. */
export const SSH_CLIENT: Peer = peer(
  "OpenSSH client",
  ["/usr/bin/ssh", "/usr/bin/sftp"],
  "openssh-client",
);

/** OpenSSH's agent. */
export const SSH_AGENT: Peer = peer(
  "ssh-agent",
  ["/usr/bin/ssh-agent", "/usr/bin/ssh-add"],
  "openssh-client",
);

/** OpenSSH's program for keys and known_hosts files. */
export const SSH_KEYGEN: Peer = peer("ssh-keygen", "/usr/bin/ssh-keygen", "openssh-client");

/** OpenStack Swift, which speaks S3. */
export const SWIFT: Peer = peer(
  "Swift",
  ["/usr/bin/python3", "/usr/lib/python3/dist-packages/swift/__init__.py"],
  "python3-swift",
);

export const CURL: Peer = peer("curl", "/usr/bin/curl");
/** Runs a program on a terminal. */
export const SCRIPT: Peer = peer("script", "/usr/bin/script", "bsdutils");
export const OPENSSL: Peer = peer("openssl", "/usr/bin/openssl");

/** busybox, whose shell and tools are those of small systems. Containers of the tests are made of it. */
export const BUSYBOX: Peer = peer("busybox", "/usr/bin/busybox", "busybox-static");

/** Info-ZIP's unpacker. */
export const UNZIP: Peer = peer("unzip", "/usr/bin/unzip");

/** Python, whose zipfile reads archives. */
export const PYTHON: Peer = peer("python3", "/usr/bin/python3");

/** Not a program: the test must run as root, for example because it makes containers. */
export const ROOT: Peer = { name: "root", debianPackage: "", installed: Deno.uid() === 0 };

/** What the containers of the Proxmox stand-in need. */
export const CONTAINERS: readonly Peer[] = [ROOT, BUSYBOX];

/** The original: `support/peer_tests_only.ts` replaces `Deno.test`. */
const register = Deno.test;

/** A test that needs one or more peers. */
export interface PeerTest extends Deno.TestDefinition {
  readonly peer: Peer | readonly Peer[];
}

/**
 * Registers a test that runs if its peers are installed. Otherwise it fails with REQUIRE_PEERS=1 (CI),
 * and is skipped without: its name says what is missing, and so does a line on stderr.
 */
export function peerTest({ peer: needed, ...test }: PeerTest): void {
  const missing = [needed].flat().filter((one) => !one.installed);
  if (missing.length === 0) return register(test);
  if (Deno.env.get("REQUIRE_PEERS") === "1") {
    return register(test.name, () => Promise.reject(new Error(missing.map(remedy).join("; "))));
  }
  missing.forEach(announceOnce);
  skipTest(test, missing.map((one) => one.name).join(", "));
}

/** Registers a test that is skipped. The report has only its name, which says what it needs and its file. */
export function skipTest(test: Deno.TestDefinition, needs: string): void {
  // Several files can run in one isolate, so the main module is not the file of the test.
  const [url = Deno.mainModule] = /file:[^\s]*_test\.ts/.exec(new Error().stack ?? "") ?? [];
  const file = relative(PROJECT, fileURLToPath(url));
  register({ ...test, name: `${test.name} [skipped: needs ${needs}; in ${file}]`, ignore: true });
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function remedy({ name, debianPackage, install }: Peer): string {
  if (install !== undefined) return `${name} not found: ${install}`;
  return debianPackage === ""
    ? `${name} is required`
    : `${name} not found: apt-get install --no-install-recommends ${debianPackage}`;
}

const announced = new Set<string>();

function announceOnce(missing: Peer): void {
  if (announced.has(missing.name)) return;
  announced.add(missing.name);
  const line = `\n*** TESTS SKIPPED: ${remedy(missing)}\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}
