import { type Browser, chromium } from "playwright-core";
import { type Peer, peer } from "./require.ts";

const PATH = "/usr/bin/chromium";

/** Debian's Chromium, driven by playwright-core. */
export const CHROMIUM: Peer = peer("Chromium", PATH, "chromium");

/** Starts a headless browser with its own profile. It makes no connections by itself. */
export async function startChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: PATH,
    headless: true,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-quic",
    ],
  });
}
