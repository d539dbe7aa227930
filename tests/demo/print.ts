import { inspect, stripVTControlCharacters } from "node:util";
import type { Show } from "./tour.ts";
import { PROJECT } from "../support/project.ts";

const HAS_COLOURS = Deno.stdout.isTerminal() && !Deno.noColor;

type Colour = "bold" | "dim" | "green" | "red" | "cyan";
const CODES: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, green: 32, red: 31, cyan: 36 };

/** The text in a colour, on a terminal only. */
export const paint = (colour: Colour, text: string): string =>
  HAS_COLOURS ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;

/** Writes a line to stdout. */
export function line(text = ""): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

/** Shows a tour on stdout and counts its steps. */
export class Printer implements Show {
  steps = 0;
  /** What was left out, and why. */
  readonly missing: { what: string; reason: string }[] = [];

  tour(title: string): void {
    line(`\n${paint("bold", title)}\n${paint("dim", "=".repeat(title.length))}`);
  }

  step(title: string): void {
    this.steps++;
    line(`\n${paint("cyan", `${this.steps}. ${title}`)}`);
  }

  done(lines: readonly string[], ms: number): void {
    // What comes from a host must not steer the terminal.
    for (const each of lines) line(each === "" ? "" : `   ${stripVTControlCharacters(each)}`);
    line(`   ${paint("green", "ok")} ${paint("dim", `${Math.round(ms)} ms`)}`);
  }

  leftOut(what: string, reason: string): void {
    this.missing.push({ what, reason });
    line(`\n-- Left out: ${what}: ${reason}`);
  }

  failed(error: unknown, serverLog: string): void {
    line(`   ${paint("red", "FAILED")} ${inspect(error)}`);
    if (serverLog !== "") line(`\nThe server's stderr:\n${stripVTControlCharacters(serverLog)}`);
  }
}

/** What to do next: the entry for the client's configuration. */
export function nextStep(): string {
  const server = {
    command: "npx",
    args: ["-y", `deno@${Deno.version.deno}`, "task", "--quiet", "--cwd", PROJECT, "start"],
    env: {
      I_ACCEPT_RISKS: "true",
      HOST: "your-server.example",
      SSH_USERNAME: "root",
      SSH_KEY: "~/.ssh/id_ed25519",
      WORKING_DIRECTORY: "~/mcp-files",
    },
  };
  return [
    paint(
      "bold",
      "Next: put this into Claude Desktop's claude_desktop_config.json, with your host.",
    ),
    `${paint("dim", "(Settings > Developer > Edit Config; then start Claude Desktop again)")}\n`,
    JSON.stringify({ mcpServers: { "remote-exec": server } }, null, 2),
  ].join("\n");
}
