import assert from "node:assert/strict";
import { shareAnswer } from "../../../src/transfers/exchange/answers.ts";
import { downloadCommand, uploadCommand } from "../../../src/transfers/exchange/commands.ts";
import { nameOf } from "../../../src/transfers/exchange/transfer.ts";
import { PATH_PLACEHOLDER } from "../../../src/transfers/command_words.ts";
import { call, readAll, sha256, sourceOf, text } from "../../contracts/bridge.ts";
import { CURL, peerTest, SWIFT } from "../../peers/require.ts";
import { runShell } from "../../support/command.ts";
import { type R2Rig, startR2 } from "../worker/r2/rig.ts";
import { nameFor } from "../worker/r2/fixture.ts";

/** What the note tells a person to do. */
const forPowerShell = (command: string) => command.replace(/^curl /, "curl.exe ");

const HOUR_MS = 3_600_000;
const NAMES = ["plain.bin", "my; [file], {x}.bin", "ü 名", "it's.txt", "-C"];

/** Writes a path as the note of the commands says. */
const inSh = (path: string) => path.replaceAll("'", `'\\''`);
const inPowerShell = (path: string) => path.replaceAll("'", "''");

/** Runs a test with curl, a real S3 server and a directory for the user's files. */
function commandTest(name: string, fn: (rig: R2Rig, dir: string) => Promise<void>): void {
  peerTest({
    peer: [SWIFT, CURL],
    name,
    async fn() {
      await using rig = await startR2();
      const dir = await Deno.makeTempDir();
      try {
        await fn(rig, dir);
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}

async function putFile({ bridge }: R2Rig, content: string) {
  const name = nameFor("file.bin");
  const metadata = { sha256: await sha256(text(content)) };
  const { object } = await bridge.put({ name, metadata }, sourceOf(text(content)), call());
  const downloadUrl = await bridge.downloadUrl({ name }, Date.now() + HOUR_MS);
  return { object, downloadUrl };
}

const ticketFor = ({ bridge }: R2Rig, name: string, size: number) =>
  bridge.uploadTicket({
    name,
    metadata: { filename: "it's a file" },
    expiresAtMs: Date.now() + HOUR_MS,
    size,
  });

async function storedText({ bridge }: R2Rig, name: string): Promise<string> {
  const { stream } = await bridge.open({ name }, 1_000, call());
  return new TextDecoder().decode(await readAll(stream));
}

async function runCurl(args: string[]): Promise<number> {
  return (await new Deno.Command("curl", { args, stdout: "null", stderr: "null" }).output()).code;
}

/**
 * Returns the words of a PowerShell line that consists of plain words and single-quoted ones.
 * Source: Microsoft, about_Quoting_Rules: a doubled quote means one, nothing else is special.
 */
function powerShellWords(line: string): string[] {
  const words = line.match(/'(?:[^']|'')*'|[^\s']+/g) ?? [];
  assert.equal(words.join(" "), line, "a word is quoted in part");
  return words.map((word) => {
    if (word.startsWith("'")) return word.slice(1, -1).replaceAll("''", "'");
    assert.match(
      word,
      /^[\w.-]+$/,
      "an unquoted word contains characters that are special in PowerShell",
    );
    return word;
  });
}

commandTest(
  "the download command works when pasted with odd paths, and resumes after a cut",
  async (rig, dir) => {
    const { downloadUrl } = await putFile(rig, "0123456789");
    for (const name of NAMES) {
      await Deno.writeTextFile(`${dir}/${name}`, "01234");
      const command = downloadCommand(downloadUrl).replace(PATH_PLACEHOLDER, () => inSh(name));
      const { code, stderr } = await runShell(command, dir);
      assert.equal(code, 0, stderr);
      assert.equal(await Deno.readTextFile(`${dir}/${name}`), "0123456789");
    }
  },
);

commandTest(
  "the check command detects another file at the path of the download",
  async (rig, dir) => {
    const { object, downloadUrl } = await putFile(rig, "0123456789");
    const answer = shareAnswer({
      ...nameOf(object.name),
      key: object.name,
      downloadUrl,
      expiresAtMs: Date.now() + HOUR_MS,
      size: object.size,
      sha256: object.metadata.sha256,
    });
    assert.match(answer.note, /No other file may exist at that path/);
    assert.equal(answer.sha256, await sha256(text("0123456789")));
    const run = (command = "", name: string) =>
      runShell(command.replace(PATH_PLACEHOLDER, () => inSh(name)), dir);
    for (const name of NAMES) {
      assert.equal((await run(answer.download_command, name)).code, 0);
      assert.equal((await run(answer.check_command, name)).code, 0);
      for (const other of ["XXXXX", "XXXXXXXXXXXX"]) {
        await Deno.writeTextFile(`${dir}/${name}`, other);
        // curl reports no error here, so the check is needed.
        assert.equal((await run(answer.download_command, name)).code, 0);
        assert.notEqual((await run(answer.check_command, name)).code, 0);
      }
      await Deno.remove(`${dir}/${name}`);
    }
  },
);

commandTest("the upload command works when pasted with odd paths", async (rig, dir) => {
  for (const name of NAMES) {
    await Deno.writeTextFile(`${dir}/${name}`, "logs");
    const object = nameFor("logs");
    const command = uploadCommand(await ticketFor(rig, object, 4))
      .replace(PATH_PLACEHOLDER, () => inSh(`./${name}`));
    const { code, stdout, stderr } = await runShell(command, dir);
    assert.deepEqual([code, stdout, stderr], [0, "HTTP 200\n", ""]);
    assert.equal(await storedText(rig, object), "logs");
  }
});

commandTest("the upload command refuses a file of another length", async (rig, dir) => {
  await Deno.writeTextFile(`${dir}/long.txt`, "too long");
  const command = uploadCommand(await ticketFor(rig, nameFor("logs"), 4));
  assert.notEqual((await runShell(command.replace(PATH_PLACEHOLDER, "long.txt"), dir)).code, 0);
});

commandTest("the commands reach curl.exe complete from PowerShell", async (rig, dir) => {
  for (const name of NAMES) {
    const path = inPowerShell(`${dir}/${name}`);
    await Deno.writeTextFile(`${dir}/${name}`, name);
    const object = nameFor("logs");
    const ticket = await ticketFor(rig, object, text(name).length);
    const upload = forPowerShell(uploadCommand(ticket)).replace(PATH_PLACEHOLDER, () => path);
    const [program, ...args] = powerShellWords(upload);
    assert.equal(program, "curl.exe");
    assert.equal(await runCurl(args), 0);
    assert.equal(await storedText(rig, object), name);

    await Deno.remove(`${dir}/${name}`);
    const url = await rig.bridge.downloadUrl({ name: object }, Date.now() + HOUR_MS);
    const download = forPowerShell(downloadCommand(url)).replace(PATH_PLACEHOLDER, () => path);
    assert.equal(await runCurl(powerShellWords(download).slice(1)), 0);
    assert.equal(await Deno.readTextFile(`${dir}/${name}`), name);
  }
});

commandTest("the commands transfer an empty file in both directions", async (rig, dir) => {
  await Deno.writeTextFile(`${dir}/empty`, "");
  const object = nameFor("empty");
  const upload = uploadCommand(await ticketFor(rig, object, 0)).replace(PATH_PLACEHOLDER, "empty");
  assert.equal((await runShell(upload, dir)).stdout, "HTTP 200\n");
  const url = await rig.bridge.downloadUrl({ name: object }, Date.now() + HOUR_MS);
  const download = downloadCommand(url).replace(PATH_PLACEHOLDER, "got");
  const { code, stderr } = await runShell(download, dir);
  assert.equal(code, 0, stderr);
  assert.equal(await Deno.readTextFile(`${dir}/got`), "");
});
