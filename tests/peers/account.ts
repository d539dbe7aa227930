/** The account that logs in to the test server. */
export interface Account {
  readonly username: string;
  readonly uid: number;
  readonly home: string;
  /** Null for an account that the tests did not make. */
  readonly password: string | null;
}

/** The options of a temporary account. */
export interface AccountWish {
  readonly username: string;
  /** "root" makes a second account with uid 0, which sshd treats as root. */
  readonly kind: "root" | "user";
  readonly shell: string;
  /** Made by this call and owned by the account. */
  readonly home: string;
}

/** Makes a temporary account with a password. Without root, returns the current user's account. */
export async function createAccount(wish: AccountWish): Promise<Account> {
  if (Deno.uid() !== 0) return await currentAccount(wish.kind);
  await removeAbandonedAccounts();
  await Deno.mkdir(wish.home, { mode: 0o700 });
  const identity = wish.kind === "root" ? ["-o", "-u", "0", "-g", "0"] : ["-r", "-U"];
  await changeAccounts("useradd", [
    ...identity,
    ...["-M", "-d", wish.home, "-s", wish.shell, "-c", `${COMMENT}${Deno.pid}`, wish.username],
  ]);
  const password = crypto.randomUUID();
  await changeAccounts("chpasswd", CHEAP_HASH, `${wish.username}:${password}\n`);
  const { uid, gid } = findAccount(wish.username);
  // fish makes these at its first start, and complains if another start makes them at the same time.
  const own = wish.shell.endsWith("/fish")
    ? [".config", ".config/fish", ".local", ".local/share", ".local/share/fish", ".cache"]
    : [];
  for (const name of own) await Deno.mkdir(`${wish.home}/${name}`);
  for (const path of [wish.home, ...own.map((name) => `${wish.home}/${name}`)]) {
    await Deno.chown(path, uid, gid);
  }
  return { username: wish.username, uid, home: wish.home, password };
}

/** Removes an account that createAccount() made. Ignores other accounts and missing ones. */
export async function removeAccount(username: string): Promise<void> {
  if (Deno.uid() !== 0) return;
  const own = readAccounts().some((one) => one.name === username && one.owner === Deno.pid);
  // Forced, because userdel refuses an account whose uid has running processes, here root's.
  if (own) await changeAccounts("userdel", ["-f", username]);
}

/**
 * Runs a program to its end and returns its stdout.
 *
 * @throws Error with its stderr when it fails
 */
export async function run(
  program: string,
  args: readonly string[],
  input = "",
): Promise<string> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${program} failed: ${new TextDecoder().decode(stderr)}`);
}

/** The system's own hash takes longer than the start of sshd, and again at each login with the password. */
const CHEAP_HASH = ["-c", "SHA512", "-s", "1000"];
/** Begins the comment of an account; its pid follows. In another pid namespace, that pid means another process. */
const COMMENT = `mcp-remote-exec test in ${pidNamespace().replace(":", " ")}, process `;

/** Changes accounts, one change at a time: these programs fail if another one holds the lock of /etc/passwd. */
export function changeAccounts(
  program: string,
  args: readonly string[],
  input = "",
): Promise<string> {
  return run("/usr/bin/flock", ["/run/mcp-remote-exec-test.lock", program, ...args], input);
}

/** Removes the accounts of killed test runs; one of them may have uid 0. */
async function removeAbandonedAccounts(): Promise<void> {
  const abandoned = readAccounts().filter((one) => one.owner !== undefined && !isAlive(one.owner));
  for (const { name } of abandoned) {
    // Another run may be removing it at the same time.
    await changeAccounts("userdel", ["-f", name]).catch((error) => {
      if (readAccounts().some((one) => one.name === name)) throw error;
    });
  }
}

interface PasswdLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Pid of the test run that made the account. */
  readonly owner: number | undefined;
}

function readAccounts(): PasswdLine[] {
  return Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => {
    const [name = "", , uid, gid, comment = ""] = line.split(":");
    const owner = comment.startsWith(COMMENT) ? Number(comment.slice(COMMENT.length)) : undefined;
    return { name, uid: Number(uid), gid: Number(gid), owner };
  });
}

function findAccount(username: string): PasswdLine {
  const found = readAccounts().find((one) => one.name === username);
  if (!found) throw new Error(`No account ${username}`);
  return found;
}

async function currentAccount(kind: "root" | "user"): Promise<Account> {
  if (kind === "root") throw new Error("Only root can start a test server that root logs in to");
  const username = (await run("id", ["-un"])).trim();
  const uid = Number(await run("id", ["-u"]));
  return { username, uid, home: Deno.env.get("HOME") ?? "/", password: null };
}

function isAlive(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}

/** Returns the name of this process's pid namespace, or "" where the system has none. */
function pidNamespace(): string {
  try {
    return Deno.readLinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}
