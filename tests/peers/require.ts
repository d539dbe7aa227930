/** A program that some tests need and that may be missing on a developer's machine. */
export interface Peer {
  readonly name: string;
  readonly debianPackage: string;
  readonly installed: boolean;
}

/**
 * Tells whether a program is installed: all of `paths` exist.
 * `debianPackage` is what the message names when it is missing.
 */
export function peer(
  name: string,
  paths: string | readonly string[],
  debianPackage: string = name,
): Peer {
  const wanted = typeof paths === "string" ? [paths] : paths;
  return { name, debianPackage, installed: wanted.every(exists) };
}

/** The OpenSSH server, with the programs its harness calls. */
export const SSHD: Peer = peer(
  "OpenSSH server",
  ["/usr/sbin/sshd", "/usr/bin/ssh-keygen"],
  "openssh-server",
);

/** The OpenSSH command line client. */
export const SSH_CLIENT: Peer = peer("OpenSSH client", "/usr/bin/ssh", "openssh-client");

/** OpenStack Swift, which speaks S3. */
export const SWIFT: Peer = peer(
  "Swift",
  ["/usr/bin/python3", "/usr/lib/python3/dist-packages/swift/__init__.py"],
  "python3-swift",
);

/** The curl command line program. */
export const CURL: Peer = peer("curl", "/usr/bin/curl");

/** A test that needs one or more peers. */
export interface PeerTest extends Deno.TestDefinition {
  readonly peer: Peer | readonly Peer[];
}

/**
 * Registers a test that runs when its peers are there. Otherwise it fails if REQUIRE_PEERS=1 (CI),
 * and is left out with a name and a line on stderr that say so.
 */
export function peerTest({ peer: needed, ...test }: PeerTest): void {
  const missing = [needed].flat().filter((one) => !one.installed);
  if (missing.length === 0) return Deno.test(test);
  if (Deno.env.get("REQUIRE_PEERS") === "1") {
    return Deno.test(test.name, () => Promise.reject(new Error(missingText(missing))));
  }
  missing.forEach(announceOnce);
  const names = missing.map((one) => one.name).join(", ");
  Deno.test({ ...test, name: `${test.name} [skipped: needs ${names}]`, ignore: true });
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

function missingText(missing: readonly Peer[]): string {
  const names = missing.map((one) => one.name).join(", ");
  const packages = missing.map((one) => one.debianPackage).join(" ");
  return `${names} not found: apt-get install --no-install-recommends ${packages}`;
}

const announced = new Set<string>();

function announceOnce(missing: Peer): void {
  if (announced.has(missing.name)) return;
  announced.add(missing.name);
  const line = `\n*** TESTS SKIPPED: ${missingText([missing])}\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}
