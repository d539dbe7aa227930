import { alive, until } from "./openssh.ts";
import { type Peer, peer, ROOT } from "./require.ts";
import type { Sshd } from "./sshd.ts";

/** sudo, and root to change what it allows. */
export const SUDO: readonly Peer[] = [ROOT, peer("sudo", "/usr/bin/sudo")];

const FOLDER = "/etc/sudoers.d";

/** Lines of sudoers for the login of a test server, removed when they go out of scope. */
export class Sudoers implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @param lines `USER` stands for the login */
  static async allow(sshd: Sshd, ...lines: readonly string[]): Promise<Sudoers> {
    await removeAbandoned();
    const sudoers = new Sudoers(`${FOLDER}/${sshd.username}`);
    await sudoers.change(sshd, ...lines);
    return sudoers;
  }

  /** Makes a PAM service, which `pam_service` in sudoers can name. */
  static async pamService(name: string, lines: readonly string[]): Promise<AsyncDisposable> {
    const path = `/etc/pam.d/${name}`;
    await Deno.writeTextFile(path, lines.map((line) => `${line}\n`).join(""));
    return { [Symbol.asyncDispose]: () => Deno.remove(path) };
  }

  /** Replaces the lines. */
  async change(sshd: Sshd, ...lines: readonly string[]): Promise<void> {
    const text = lines.map((line) => `${line.replaceAll("USER", sshd.username)}\n`).join("");
    // sudo reads no file whose name has a dot, so it never sees half of one.
    const unread = `${this.#path}.new`;
    await Deno.writeTextFile(unread, text, { mode: 0o440 });
    await Deno.rename(unread, this.#path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#path);
  }
}

/** Waits until a command's `sleep` runs: its text is in the arguments of sudo before. */
export const untilSleeping = (tag: string): Promise<void> =>
  until(`sleep of ${tag}`, () =>
    alive(tag).some((pid) => {
      try {
        return Deno.readTextFileSync(`/proc/${pid}/comm`) === "sleep\n";
      } catch {
        return false;
      }
    }));

/**
 * The files of killed test runs are those of accounts that are gone. Accounts are read last: another test may
 * make one, and then its file, meanwhile.
 */
async function removeAbandoned(): Promise<void> {
  for (const folder of [FOLDER, "/etc/pam.d"]) {
    const files = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    const accounts = (await Deno.readTextFile("/etc/passwd")).split("\n")
      .map((line) => line.split(":")[0]);
    for (const name of files) {
      const account = /^mre[0-9a-f]{8}(?=$|[.-])/.exec(name)?.[0];
      if (account === undefined || accounts.includes(account)) continue;
      await Deno.remove(`${folder}/${name}`).catch(() => {});
    }
  }
}
