/// <reference lib="deno.worker" />
// The real transfers worker, taken over: everything of it is loaded, and then the wrong things are tried.
import "../../../src/transfers/worker/main.ts";
import { tryOnMessage } from "./try_on_message.ts";

tryOnMessage();
