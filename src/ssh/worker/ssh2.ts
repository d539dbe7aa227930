// Only these modules of ssh2: its server, its HTTP agents and the like would load in the worker of each host.
import "./connection/chacha20_patch.ts";
// @ts-types="@types/ssh2"
import type ssh2 from "ssh2";
// @ts-types="@types/ssh2"
import { OpenSSHAgent } from "ssh2/lib/agent.js";
// @ts-types="@types/ssh2"
import client from "ssh2/lib/client.js";
// @ts-types="@types/ssh2"
import keyParser from "ssh2/lib/protocol/keyParser.js";

/** Logs in with the keys of an agent. */
export { OpenSSHAgent };

// The modules have no types of their own.
/** A connection to a host. */
export const Client = client as unknown as typeof ssh2.Client;
/** Parses a key; returns an error for one that ssh2 does not know. */
export const { parseKey } = keyParser as unknown as typeof ssh2.utils;
