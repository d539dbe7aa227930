import { coreTour } from "./demo/core.ts";
import { exchangeTour } from "./demo/exchange.ts";
import { imageKitTour } from "./demo/imagekit.ts";
import { linksTour } from "./demo/links.ts";
import { line, nextStep, paint, Printer } from "./demo/print.ts";
import { proxmoxTour } from "./demo/proxmox.ts";
import { runTour, StepFailed, type Tour } from "./demo/tour.ts";

const TOURS: readonly Tour[] = [coreTour, proxmoxTour, linksTour, imageKitTour, exchangeTour];

if (import.meta.main) Deno.exit(await main());

/** Shows what the server does on a temporary SSH host. Returns the exit code. */
async function main(): Promise<number> {
  const startedAt = performance.now();
  const printer = new Printer();
  line("A throw-away SSH host on 127.0.0.1, the real server as a child over stdio, an MCP client.");
  try {
    for (const tour of TOURS) {
      printer.tour(tour.title);
      await runTour(tour, printer);
    }
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    return 1;
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  line(`\n${paint("green", `All ${printer.steps} steps did what they say`)} (${seconds} s)\n`);
  for (const { what, reason } of printer.missing) line(`Left out: "${what}": ${reason}\n`);
  line(nextStep());
  return 0;
}
