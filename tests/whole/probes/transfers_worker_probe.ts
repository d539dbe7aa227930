/// <reference lib="deno.worker" />
// The real transfers worker after a takeover: loads all of it, then tries forbidden things.
import "../../../src/transfers/worker/main.ts";
import { tryOnMessage } from "./try_on_message.ts";

tryOnMessage();
