/// <reference lib="deno.worker" />
// The real ssh worker after a takeover: loads all of it, then tries forbidden things.
import "../../../src/ssh/worker/main.ts";
import { tryOnMessage } from "./try_on_message.ts";

tryOnMessage();
