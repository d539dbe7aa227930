import type { Socket } from "node:net";
import { DialProgress } from "./dial_failure.ts";
import { algorithms, type CertificateOffer, certificateOffer } from "./algorithms.ts";
import { presentCertificates } from "./certificate_login.ts";
import type { DialedConnection } from "./dialed.ts";
import { offerHostCertificates, useCertifiedKey } from "./host_certificates.ts";
import type { HostTraits } from "./host_traits.ts";
import {
  forwardRefused,
  forwardThrough,
  ForwardTooLate,
  jumpHostFailed,
  jumpHostSilent,
} from "./jump_host.ts";
import { connectTcp, NoAddressAnswers } from "./tcp.ts";
import { limitRequests } from "./request_limit.ts";
import {
  gatherWrites,
  HOST_KEYS,
  onDebugMessage,
  onGlobalRequest,
  onRefusedLogin,
  ping,
} from "./ssh2_patches.ts";
// @ts-types="@types/ssh2"
import type { ConnectConfig } from "ssh2";
import { waitingClock } from "../../../async/clock.ts";
import { RemoteExecError } from "../../../errors.ts";
import type { Logger } from "../../../log.ts";
import type { HostConfig } from "../../../config/config.ts";
import { keyMethods, readPrivateKey } from "../trust/key_methods.ts";
import { presentedBy, type PresentedKey } from "../trust/host_certificate.ts";
import { decideHostKey, keyPlace, preferredHostKeyTypes } from "../trust/host_keys.ts";
import { forgedCertificate, hostKeyError } from "../trust/host_key_errors.ts";
import { type KnownHostEntry, parseKnownHosts } from "../trust/known_hosts.ts";
import { Client } from "../ssh2.ts";

/** Interval of keepalive requests to a silent host; after three without an answer the connection closes. */
const KEEPALIVE_MS = 15_000;

/** The time limit of an attempt expired. */
class TooLate extends Error {
  override readonly name = "TooLate";
}

/** How a host proves who it is. */
interface Trust {
  readonly offer: CertificateOffer;
  /** Returns why the key or certificate that the host presented is refused. */
  judge(presented: Uint8Array): RemoteExecError | undefined;
}

/** Connects to the configured host. Remembers a host key that it accepted without known_hosts. */
export class Dialer {
  readonly #ssh: HostConfig;
  readonly #logger: Logger;
  readonly #keepaliveMs: number;
  readonly #traits: HostTraits | undefined;
  /** Reaches the jump host right before this host. */
  readonly #via: Dialer | undefined;
  readonly #accepted: Map<number, Uint8Array>;
  #presented: PresentedKey | undefined;

  /**
   * @param traits learn from the host's messages that the login is forced
   * @param accepted the keys accepted without known_hosts, by the number of jump hosts before their host
   */
  constructor(
    ssh: HostConfig,
    logger: Logger,
    keepaliveMs: number = KEEPALIVE_MS,
    traits?: HostTraits,
    accepted = new Map<number, Uint8Array>(),
  ) {
    this.#ssh = ssh;
    this.#logger = logger;
    this.#keepaliveMs = keepaliveMs;
    this.#traits = traits;
    this.#accepted = accepted;
    const jumps = ssh.jumps ?? [];
    const last = jumps.at(-1);
    const before = last && { ...last, jumps: jumps.slice(0, -1) };
    this.#via = before && new Dialer(before, logger, keepaliveMs, undefined, accepted);
  }

  /** The last key that the host presented. */
  get presented(): PresentedKey | undefined {
    return this.#presented;
  }

  /**
   * Connects and logs in.
   *
   * @param progress notes how far the attempt has got
   * @throws RemoteExecError `unreachable`, `unsupported`, `host_key_unknown`, `host_key_changed`,
   *   `authentication_failed` or `private_key`
   */
  async dial(limitMs: number, progress = this.progress()): Promise<DialedConnection> {
    const { host, port } = keyPlace(this.#ssh);
    const entries = await this.knownHosts();
    const login = await this.#login(progress);
    const startedAtMs = performance.now();
    const socket = await this.reach(limitMs, progress);
    const nowMs = performance.now();
    const leftMs = Math.min(
      limitMs - (nowMs - startedAtMs),
      this.#limit(limitMs) - (nowMs - progress.startedAtMs),
    );
    gatherWrites(socket);
    socket.on("data", (chunk: Uint8Array) => progress.received(chunk));
    const config: ConnectConfig = {
      ...login,
      sock: socket,
      username: this.#ssh.username,
      readyTimeout: Math.max(1, leftMs),
      keepaliveInterval: this.#ssh.keepaliveMs ?? this.#keepaliveMs,
      keepaliveCountMax: this.#ssh.keepaliveMax ?? 3,
      algorithms: algorithms(preferredHostKeyTypes(entries, host, port), this.#ssh.algorithms),
    };
    const trust: Trust = {
      offer: certificateOffer(entries, { host, port }, this.#ssh.algorithms?.serverHostKey),
      judge: (key) => this.#judge(key, entries),
    };
    return await this.#handshake(config, socket, progress, trust).catch((error) => {
      // The limit is that of the whole attempt, so its message names it.
      throw error instanceof TooLate ? progress.late(this.#limit(limitMs)) : error;
    });
  }

  /** Returns the record of a new attempt. */
  progress(): DialProgress {
    return new DialProgress(this.#ssh);
  }

  /**
   * Opens a TCP connection to the host, or a channel through its jump hosts.
   *
   * @throws RemoteExecError `unreachable`, or what {@linkcode dial} throws for a jump host
   */
  async reach(limitMs: number, progress: DialProgress): Promise<Socket> {
    const via = this.#via;
    return via === undefined
      ? await this.#connect(this.#limit(limitMs), progress)
      : await this.#forward(via, limitMs, progress);
  }

  async #forward(via: Dialer, limitMs: number, progress: DialProgress): Promise<Socket> {
    const name = via.#ssh.alias ?? via.#ssh.host;
    const startedAtMs = performance.now();
    progress.hop = { name, progress: via.progress() };
    const hop = await via.dial(limitMs, progress.hop.progress).catch((error) => {
      throw error instanceof RemoteExecError ? jumpHostFailed(name, error) : error;
    });
    const leftMs = Math.max(1, limitMs - (performance.now() - startedAtMs));
    progress.hop = undefined;
    // The time that the jump hosts took does not count in ConnectTimeout.
    progress.startedAtMs = performance.now();
    const socket = await forwardThrough(hop, this.#ssh, this.#limit(leftMs)).catch((error) => {
      throw error instanceof ForwardTooLate
        ? jumpHostSilent(name, this.#ssh, this.#limit(limitMs))
        : forwardRefused(name, this.#ssh, error);
    });
    progress.phase = "greeting";
    return socket;
  }

  async #connect(ownLimitMs: number, progress: DialProgress): Promise<Socket> {
    const limit = new AbortController();
    const stopTimer = waitingClock.after(ownLimitMs, () => limit.abort());
    const { host, port, family } = this.#ssh;
    try {
      const socket = await connectTcp(host, port, limit.signal, undefined, family);
      progress.phase = "greeting";
      return socket;
    } catch (error) {
      const isLate = limit.signal.aborted && !(error instanceof NoAddressAnswers);
      throw isLate ? progress.late(ownLimitMs) : progress.explain(error);
    } finally {
      stopTimer();
    }
  }

  /** ConnectTimeout of the host, if it is shorter. */
  #limit(limitMs: number): number {
    return Math.min(limitMs, this.#ssh.connectTimeoutMs ?? limitMs);
  }

  /** Reads the entries of all known_hosts files; a missing file has none. */
  async knownHosts(): Promise<KnownHostEntry[]> {
    const files = await Promise.all(this.#ssh.knownHostsPaths.map(async (path) => {
      const text = await Deno.readTextFile(path).catch(() => "");
      const { entries, faults } = parseKnownHosts(text, path);
      for (const fault of faults) {
        this.#logger.debug(`${path}:${fault.line} was skipped: ${fault.reason}`);
      }
      return entries;
    }));
    return files.flat();
  }

  #judge(presented: Uint8Array, entries: readonly KnownHostEntry[]): RemoteExecError | undefined {
    const { strictHostKeyChecking: strict, jumps: { length: place } = [] } = this.#ssh;
    const { host, port } = keyPlace(this.#ssh);
    this.#presented = presentedBy(Uint8Array.from(presented));
    if (this.#presented === undefined) return forgedCertificate(this.#ssh.host);
    const { plainKey: key, certificate } = this.#presented;
    const decision = decideHostKey({
      ...{ host, port, key, entries, strict, certificate, alias: this.#ssh.hostKeyAlias },
      remembered: this.#accepted.get(place),
    });
    if (decision.kind === "accepted-new") {
      this.#accepted.set(place, Uint8Array.from(key));
      this.#logger.warn(
        `the host key of ${host} is unknown and was accepted: ${decision.presented.fingerprint}`,
      );
    }
    if (decision.kind === "known" || decision.kind === "accepted-new") return undefined;
    return hostKeyError(this.#ssh, decision);
  }

  async #login(progress: DialProgress): Promise<ConnectConfig> {
    const { login, username } = this.#ssh;
    if (login.kind === "keys") {
      return { authHandler: await keyMethods(login, username, (why) => progress.skipped(why)) };
    }
    if (login.kind === "password") return { password: login.password, tryKeyboard: true };
    if (login.kind === "agent") return { agent: login.socket };
    return {
      privateKey: await readPrivateKey(login.path, login.passphrase),
      ...(login.passphrase === undefined ? {} : { passphrase: login.passphrase }),
    };
  }

  #handshake(
    config: ConnectConfig,
    socket: Socket,
    progress: DialProgress,
    { offer, judge }: Trust,
  ): Promise<DialedConnection> {
    const client = new Client();
    let refusal: RemoteExecError | undefined;
    const hostVerifier = (key: Uint8Array) => {
      refusal = judge(key);
      if (refusal === undefined && this.#presented) {
        useCertifiedKey(client, this.#presented.plainKey);
      }
      return refusal === undefined;
    };
    const { promise, resolve, reject } = Promise.withResolvers<DialedConnection>();
    const fail = (error: unknown) => {
      socket.destroy();
      reject(refusal ?? (error instanceof TooLate ? error : progress.explain(error)));
    };
    const password = config.password ?? "";
    client.on(
      "keyboard-interactive",
      (_name, _text, _language, prompts, finish) => finish(prompts.map(() => password)),
    );
    let isOpenSsh = false;
    client.once("ready", () => resolve({ client, socket, isOpenSsh: () => isOpenSsh }));
    // Stays for the life of the connection: an `error` event without a listener would be thrown.
    client.on("error", fail);
    client.once("close", () => fail(new Error("the host closed the connection")));
    // ssh2 has no time limit for a socket that it did not connect itself.
    const stopTimer = waitingClock.after(
      config.readyTimeout ?? 0,
      () => fail(new TooLate()),
    );
    client.once("handshake", () => progress.phase = "login");
    client.on("banner", (text) => progress.showed(text));
    client.connect({ ...config, hostVerifier, readyTimeout: 0 });
    offerHostCertificates(client, offer.names, offer.onlyThese);
    presentCertificates(client);
    onRefusedLogin(client, (methods, isPartial) => progress.refused(methods, isPartial));
    limitRequests(client, socket, () => {
      this.#logger.warn(`${this.#ssh.host} sends requests without end; the connection is ended`);
      fail(new Error("the host sends requests without end"));
    });
    onGlobalRequest(client, (name) => {
      if (isOpenSsh || name !== HOST_KEYS) return;
      isOpenSsh = true;
      // It carries the acknowledgment of the keys. The host holds its next packet until then: without it,
      // until the kernel's delayed acknowledgment, 40 ms later.
      ping(client);
    });
    onDebugMessage(client, (text) => {
      if (FORCED_COMMAND.test(text)) this.#traits?.loginIsForced();
    });
    return promise.finally(() => stopTimer());
  }
}

/**
 * How OpenSSH reports a forced command of a key or a certificate after the login.
 * Source: auth.c auth_log_authopts ("… key options: command …"); before 7.7 auth-options.c.
 */
const FORCED_COMMAND = /options:(.* )?command( |$)|^Forced command/i;
