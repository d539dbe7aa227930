import { errorText, oneLine, RemoteExecError } from "../../../errors.ts";
import type { HostConfig, KeysLogin } from "../../../config/config.ts";
import {
  authenticationFailed,
  hostUnreachable,
  loginClosed,
  loginEnded,
  noCommonMethod,
  secondFactorWanted,
} from "../../errors.ts";
import { shellWord } from "../../../shell/quote.ts";
import { jumpHostFailed } from "./jump_host.ts";
import { NoAddressAnswers } from "./tcp.ts";

const FIREWALL =
  "Check HOST and SSH_PORT, that the host is up, and that its firewall allows this machine";
const SERVICE = "Check SSH_PORT, and that the SSH server runs on the host";
const NAME = "Correct HOST, or check the DNS of this machine";
const NO_SSH = "Set SSH_PORT to the port of the SSH server, usually 22";
const SILENT = `${NO_SSH}; if it is set to that, check whether the host hangs or is overloaded`;
const BUSY =
  "Check SSH_PORT, and whether the host blocks this machine or has too many logins (MaxStartups)";

/** Enough of a server's first bytes to recognise it. */
const MAX_GREETING = 512;
/** OpenSSH does so for an account that PAM refuses, for example an expired one. */
const CLOSED = /the host closed the connection|ECONNRESET/;
/** SSH_DISCONNECT_PROTOCOL_ERROR, which sshd sends with "Too many authentication failures". */
const TOO_MANY = /too many authentication failures/i;

/** Names the keys of a login, for `tried: …`. */
const keysTried = ({ socket, keys }: KeysLogin, skipped: readonly string[]): string =>
  [
    ...(socket === undefined ? [] : ["agent"]),
    ...keys.map(({ path }) => path),
  ].join(", ") + (skipped.length === 0 ? "" : `; not tried: ${skipped.join("; ")}`);

/** Returns arguments for ssh. What is behind a jump host needs the SSH configuration. */
function byHand({ alias, host, port, username, login, jumps = [] }: HostConfig): string {
  if (jumps.length > 0) return shellWord(alias ?? host);
  const key = login.kind === "key" ? `-i ${shellWord(login.path)} ` : "";
  return `${key}-p ${port} ${shellWord(`${username}@${host}`)}`;
}

/** What one connection attempt has seen so far; turns its failure into an error with a remedy. */
export class DialProgress {
  readonly #ssh: HostConfig;
  phase: "connecting" | "greeting" | "handshake" | "login" = "connecting";
  #greeting = "";
  #banner = "";
  #methods: readonly string[] = [];
  #isPartial = false;
  readonly #skipped: string[] = [];
  /** When connecting to this very host began. */
  startedAtMs = performance.now();
  /** The attempt to reach the jump host that comes right before this host. */
  hop: { readonly name: string; readonly progress: DialProgress } | undefined;

  constructor(ssh: HostConfig) {
    this.#ssh = ssh;
  }

  /** Notes bytes that the server sent. */
  received(chunk: Uint8Array): void {
    if (this.phase !== "greeting") return;
    this.#greeting += new TextDecoder("latin1").decode(chunk.subarray(0, MAX_GREETING));
    if (/^SSH-/m.test(this.#greeting)) this.phase = "handshake";
    this.#greeting = this.#greeting.slice(0, MAX_GREETING);
  }

  /** Notes the text that the server shows before the login. */
  showed(banner: string): void {
    this.#banner = banner;
  }

  /** Notes why a key could not be tried. */
  skipped(why: string): void {
    this.#skipped.push(why);
  }

  /** Notes a refused login method. @param isPartial it was accepted, but the host wants another one too */
  refused(methods: readonly string[], isPartial: boolean): void {
    this.#methods = methods;
    this.#isPartial ||= isPartial;
  }

  /** Returns the error for an attempt that has not ended in time. */
  late(limitMs: number): RemoteExecError {
    const { hop } = this;
    if (hop !== undefined && this.phase === "connecting") {
      return jumpHostFailed(hop.name, hop.progress.late(limitMs));
    }
    const seconds = `${limitMs / 1000} seconds`;
    const seen = {
      connecting: `no answer to the TCP connection within ${seconds}`,
      greeting: this.#greeting === ""
        ? `the host does not answer: it accepted the TCP connection, but sent no SSH greeting within ${seconds}`
        : this.#noSsh,
      handshake: `the host does not answer: its SSH handshake did not end within ${seconds}`,
      login: `the host does not answer: it did not decide about the login within ${seconds}`,
    }[this.phase];
    const isOther = this.phase === "greeting" && this.#greeting !== "";
    const remedy = this.phase === "greeting" ? SILENT : FIREWALL;
    return this.#unreachable(undefined, seen, isOther ? NO_SSH : remedy);
  }

  /** Returns the error for a failed attempt. */
  explain(error: unknown): RemoteExecError {
    if (error instanceof RemoteExecError) return error;
    if (error instanceof NoAddressAnswers) return this.#noAddress(error);
    const level = (error as { level?: unknown }).level; // set by ssh2 on errors of its own
    const text = errorText(error);
    const { username, host, port, login } = this.#ssh;
    if (this.#isPartial) return secondFactorWanted(username, host, port, this.#methods);
    const kind = login.kind === "keys" ? keysTried(login, this.#skipped) : login.kind;
    if (TOO_MANY.test(text)) return loginEnded(username, host, port, kind);
    if (level === "client-authentication" || level === "agent") {
      const method = level === "agent" ? `agent: ${text}` : kind;
      return authenticationFailed(username, host, port, method, byHand(this.#ssh), this.#said);
    }
    const missing = /no matching (.+)$/i.exec(text)?.[1];
    if (missing !== undefined) return noCommonMethod(host, port, missing);
    if (this.phase === "greeting") {
      return this.#greeting === ""
        ? this.#unreachable(error, "the host closed the connection before its SSH greeting", BUSY)
        : this.#unreachable(error, this.#noSsh, NO_SSH);
    }
    if (this.phase === "login" && CLOSED.test(text)) {
      return loginClosed(username, host, port, this.#said);
    }
    return this.#unreachable(error, `${text}${this.#said}`, FIREWALL);
  }

  #noAddress(error: NoAddressAnswers): RemoteExecError {
    const codes = error.failures.map(({ code }) => code);
    const isUnknown = codes.every((code) => code === "ENOTFOUND" || code === "EAI_AGAIN");
    const remedy = isUnknown
      ? NAME
      : codes.every((code) => code === "ECONNREFUSED")
      ? SERVICE
      : FIREWALL;
    const seen = error.failures.length === 1 ? error.failures[0]?.reason : error.message;
    return this.#unreachable(error, seen ?? error.message, remedy);
  }

  get #noSsh(): string {
    return `it is not an SSH server; it answered: ${oneLine(this.#greeting.slice(0, 80))}`;
  }

  /** What the host has said, as the end of a message. */
  get #said(): string {
    return this.#banner === "" ? "" : `; the host says: ${oneLine(this.#banner)}`;
  }

  #unreachable(cause: unknown, seen: string, remedy: string): RemoteExecError {
    return hostUnreachable(this.#ssh.host, this.#ssh.port, cause, seen, remedy);
  }
}
