import type { Socket } from "node:net";
// @ts-types="@types/ssh2"
import type { Client } from "ssh2";

/** A logged-in SSH client and its socket. */
export interface DialedConnection {
  readonly client: Client;
  readonly socket: Socket;
  /** True once the host has sent a request that only OpenSSH sends, since 6.8 directly after the login. */
  isOpenSsh(): boolean;
}
