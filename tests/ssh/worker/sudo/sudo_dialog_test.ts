import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PassThrough, Readable } from "node:stream";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { beginMark, promptOf, rootMark } from "../../../../src/ssh/worker/sudo/root_line.ts";
import { SudoDialog } from "../../../../src/ssh/worker/sudo/sudo_dialog.ts";

const TOKEN = "r0123456789abcdef";
const PASSWORD = "geheim ä";
const [BEGIN, PROMPT, ROOT] = [beginMark(TOKEN), promptOf(TOKEN), rootMark(TOKEN)];

/** A channel in memory, and what was written to its stdin. */
class Host {
  readonly stdout = new Readable({ read() {} });
  readonly stderr = new Readable({ read() {} });
  readonly channel: ClientChannel;
  sent = "";
  ended = 0;

  constructor() {
    const more = {
      stderr: this.stderr,
      write: (text: string) => this.sent += text,
      end: () => this.ended++,
    };
    // Only these parts are used.
    this.channel = Object.assign(this.stdout, more) as unknown as ClientChannel;
  }

  say(text: string, size = Infinity): void {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) this.stderr.push(bytes.subarray(at, at + size));
  }
}

const passed = async (stream: Readable): Promise<string> => {
  stream.push(null);
  const all = stream.pipe(new PassThrough());
  return Buffer.concat(await Array.fromAsync(all)).toString();
};

for (const size of [1, 7, Infinity]) {
  Deno.test(`SudoDialog sends the password at the prompt and passes on what follows the mark (${size})`, async () => {
    const host = new Host();
    host.say(`.bashrc: Password: `);
    const dialog = new SudoDialog(host.channel, TOKEN, PASSWORD);
    assert.equal(host.sent, "");
    host.say(`${BEGIN}We trust you have received the usual lecture\n${PROMPT}`, size);
    assert.equal(host.sent, `${PASSWORD}\n`);
    host.say(`${ROOT}error ä\n${PROMPT}`, size);
    host.stdout.push(Buffer.from(`pam says hello\n${ROOT}output\n`));
    assert.deepEqual(await dialog.ended, { kind: "root" });
    assert.equal(await passed(host.stderr), `error ä\n${PROMPT}`);
    assert.equal(await passed(host.stdout), "output\n");
    assert.deepEqual([host.sent, host.ended], [`${PASSWORD}\n`, 0]);
  });
}

Deno.test("SudoDialog knows a refusal that has come with the start", async () => {
  const host = new Host();
  host.say(`${BEGIN}sudo: sorry\n`);
  for (const stream of [host.stdout, host.stderr]) stream.push(null);
  const dialog = new SudoDialog(host.channel, TOKEN, undefined);
  assert.deepEqual(await dialog.ended, { kind: "refused", said: "sudo: sorry", prompts: 0 });
});

Deno.test("SudoDialog passes on all of a command that has ended with the start", async () => {
  const host = new Host();
  host.stdout.push(`${ROOT}out\n`);
  host.say(`${BEGIN}hint\n${ROOT}err\n`);
  for (const stream of [host.stdout, host.stderr]) stream.push(null);
  const dialog = new SudoDialog(host.channel, TOKEN, undefined);
  assert.deepEqual(await dialog.ended, { kind: "root" });
  const outputs = [host.stdout, host.stderr].map((stream) => new Response(Readable.toWeb(stream)));
  assert.deepEqual(await Promise.all(outputs.map((each) => each.text())), ["out\n", "err\n"]);
});

Deno.test("SudoDialog answers a second prompt with the end of stdin", async () => {
  const host = new Host();
  const dialog = new SudoDialog(host.channel, TOKEN, PASSWORD);
  host.say(`${BEGIN}${PROMPT}`);
  host.say(`\nSorry, try again.\n${PROMPT}`);
  assert.deepEqual([host.sent, host.ended], [`${PASSWORD}\n`, 1]);
  host.say("\nsudo: no password was provided\nsudo: 1 incorrect password attempt\n");
  host.stderr.push(null);
  const end = await dialog.ended;
  assert.ok(end.kind === "refused");
  assert.equal(end.prompts, 2);
  assert.match(end.said, /^Sorry, try again\.\n\nsudo: no password/);
});

Deno.test("SudoDialog never sends a password that it does not have", () => {
  const host = new Host();
  new SudoDialog(host.channel, TOKEN, undefined);
  host.say(`${BEGIN}${PROMPT}`);
  assert.deepEqual([host.sent, host.ended], ["", 1]);
});

Deno.test("SudoDialog knows prompts for a password in other words", () => {
  for (
    const prompt of [
      `[sudo: ${PROMPT}] Password: `,
      "[sudo] password for me: ",
      "Password for me@REALM: ",
    ]
  ) {
    const host = new Host();
    new SudoDialog(host.channel, TOKEN, PASSWORD);
    host.say(`${BEGIN}${prompt}`);
    assert.equal(host.sent, `${PASSWORD}\n`, prompt);
  }
});

Deno.test("SudoDialog sends nothing to another question, and says what it is", async () => {
  const questions = ["Verification code: ", "Current password: ", "One-time password: "];
  await Promise.all(questions.map(async (question) => {
    const host = new Host();
    const dialog = new SudoDialog(host.channel, TOKEN, PASSWORD);
    host.say(`${BEGIN}You need this\n${question}`);
    assert.deepEqual(await dialog.ended, { kind: "question", said: question.trim() });
    assert.deepEqual([host.sent, host.ended], ["", 1]);
  }));
});

Deno.test("SudoDialog does not mistake a line that goes on for a question", async () => {
  const host = new Host();
  const dialog = new SudoDialog(host.channel, TOKEN, PASSWORD);
  host.say(`${BEGIN}Autopushing login request`);
  host.say(` to phone...\n`);
  host.say(ROOT);
  host.stdout.push(Buffer.from(ROOT));
  assert.deepEqual(await dialog.ended, { kind: "root" });
});

Deno.test("SudoDialog keeps little of an endless text", async () => {
  const host = new Host();
  const dialog = new SudoDialog(host.channel, TOKEN, PASSWORD);
  host.say(BEGIN);
  for (let turn = 0; turn < 100; turn++) host.say("x".repeat(10_000));
  host.stderr.push(null);
  const end = await dialog.ended;
  assert.ok(end.kind === "refused" && end.said.length <= 10_000);
});
