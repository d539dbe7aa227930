import { deepEqual, equal, match } from "node:assert/strict";
import {
  downloadCommand,
  uploadCommand,
  type UploadForm,
} from "../../../src/transfers/imagekit/commands.ts";
import { PATH_PLACEHOLDER } from "../../../src/transfers/command_words.ts";
import { CURL, peerTest } from "../../peers/require.ts";
import { PNG, setStage, type Stage } from "./imagekit_stage.ts";
import { shellText } from "../../support/command.ts";

/** Pasted unchanged: nothing in them needs escaping. */
const PLAIN_NAMES = [
  "plain.bin",
  "with space.bin",
  "a;b,c.txt",
  "a;type=text",
  "#1 {a} [b]",
  "ü 名",
];
const ODD_NAMES = [...PLAIN_NAMES, 'say "hi".txt', "it's.txt", "back\\slash.txt", `'"\\;,`];
/** Windows has neither double quotes nor backslashes in names. */
const WINDOWS_NAMES = [...PLAIN_NAMES, "it's.txt"];

async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function form(stage: Stage, name: string): Promise<UploadForm> {
  const expiresAtMs = stage.clock.nowMs + 600_000;
  return await stage.bridge().uploadTicket({ name, metadata: {}, expiresAtMs });
}

/** Writes a path for the placeholder as the answer says. */
const inUpload = (path: string) => path.replaceAll(/["\\]/g, "\\$&").replaceAll("'", `'\\''`);
const inDownload = (path: string) => path.replaceAll("'", `'\\''`);

/**
 * Returns the arguments that a Windows program reads from a command line.
 * Source: Microsoft, "Parsing C command-line arguments", rules for backslashes and double quotes.
 */
function windowsArguments(line: string): string[] {
  const args: string[] = [];
  let quoted = false;
  let current: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const run = /^\\+(?=")/.exec(line.slice(at))?.[0].length ?? 0;
    const char = line[at + run] ?? "";
    current = run === 0 ? current : (current ?? "") + "\\".repeat(Math.floor(run / 2));
    at += run;
    if (char === '"' && run % 2 === 0) {
      quoted = !quoted;
      current ??= "";
    } else if (/\s/.test(char) && !quoted) {
      if (current !== undefined) args.push(current);
      current = undefined;
    } else current = (current ?? "") + char;
  }
  return current === undefined ? args : [...args, current];
}

async function runCurl(args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command("curl", { args }).output();
  return new TextDecoder().decode(stdout);
}

for (const shell of ["sh", "bash"]) {
  peerTest({
    name: `uploadCommand() sends files with names of every kind when pasted into ${shell}`,
    peer: CURL,
    async fn() {
      await using stage = await setStage();
      await withDirectory(async (directory) => {
        for (const [index, name] of ODD_NAMES.entries()) {
          const content = new TextEncoder().encode(`content of ${name}\r\n--\0`);
          await Deno.writeFile(`${directory}/${name}`, content);
          const { sh } = uploadCommand(await form(stage, `object-${index}`));
          const path = inUpload(`${directory}/${name}`);
          const output = await shellText(sh.replace(PATH_PLACEHOLDER, () => path), shell);
          match(output, /"fileId":"[0-9a-f]{24}"[^]*\nHTTP 200\n$/, name);
          deepEqual(stage.fake.objects().at(-1)?.bytes, content, name);
        }
      });
    },
  });
}

peerTest({
  name: "uploadCommand() needs no quoting for spaces, semicolons and commas",
  peer: CURL,
  async fn() {
    await using stage = await setStage();
    await withDirectory(async (directory) => {
      for (const [index, name] of PLAIN_NAMES.entries()) {
        await Deno.writeTextFile(`${directory}/${name}`, name);
        const { sh } = uploadCommand(await form(stage, `object-${index}`));
        const output = await shellText(sh.replace(PATH_PLACEHOLDER, `${directory}/${name}`));
        match(output, /\nHTTP 200\n$/, name);
      }
    });
  },
});

peerTest({
  name: "uploadCommand() reaches curl.exe complete after PowerShell's stop-parsing token",
  peer: CURL,
  async fn() {
    await using stage = await setStage();
    await withDirectory(async (directory) => {
      for (const [index, name] of WINDOWS_NAMES.entries()) {
        await Deno.writeTextFile(`${directory}/${name}`, name);
        const { powershell } = uploadCommand(await form(stage, `object-${index}`));
        const line = powershell.replace(PATH_PLACEHOLDER, () => `${directory}/${name}`);
        const [program, token, ...args] = windowsArguments(line);
        deepEqual([program, token], ["curl.exe", "--%"]);
        equal(line.includes("\n"), false);
        match(await runCurl(args), /HTTP 200\n$/, name);
        equal(new TextDecoder().decode(stage.fake.objects().at(-1)?.bytes), name);
      }
    });
  },
});

peerTest({
  name: "uploadCommand() returns a command that works once; the second run says why it fails",
  peer: CURL,
  async fn() {
    await using stage = await setStage();
    await withDirectory(async (directory) => {
      await Deno.writeTextFile(`${directory}/once`, "once");
      const { sh } = uploadCommand(await form(stage, "once"));
      const command = sh.replace(PATH_PLACEHOLDER, `${directory}/once`);
      match(await shellText(command), /\nHTTP 200\n$/);
      match(await shellText(command), /has been used before[^\n]*\nHTTP 400\n$/);
    });
  },
});

peerTest({
  name: "downloadCommand() saves exactly the bytes under names of every kind",
  peer: CURL,
  async fn() {
    await using stage = await setStage();
    stage.fake.plant({ name: "object", folder: "/mcp-remote-exec", bytes: PNG, isPrivate: true });
    const url = await stage.bridge().downloadUrl({ name: "object" }, stage.clock.nowMs + 60_000);
    await withDirectory(async (directory) => {
      for (const name of ODD_NAMES) {
        const path = inDownload(`${directory}/${name}`);
        equal(
          await shellText(downloadCommand(url).sh.replace(PATH_PLACEHOLDER, () => path)),
          "",
          name,
        );
        deepEqual(await Deno.readFile(`${directory}/${name}`), PNG, name);
      }
    });
  },
});

peerTest({
  name: "downloadCommand() leaves no file when the service refuses",
  peer: CURL,
  async fn() {
    await using stage = await setStage();
    const url = await stage.bridge().downloadUrl({ name: "nothing" }, stage.clock.nowMs + 60_000);
    await withDirectory(async (directory) => {
      const command = downloadCommand(url).sh.replace(PATH_PLACEHOLDER, `${directory}/file`);
      match(await shellText(`${command}; echo "exit $?"`), /exit 22/);
      deepEqual([...Deno.readDirSync(directory)], []);
    });
  },
});

Deno.test("downloadCommand() quotes for PowerShell, where a quote in quotes is doubled", () => {
  const { powershell } = downloadCommand("https://ik.example/it's?a=1&b=2");
  equal(powershell, `curl.exe -fsSL -o '${PATH_PLACEHOLDER}' 'https://ik.example/it''s?a=1&b=2'`);
});
