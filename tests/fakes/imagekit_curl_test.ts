import { deepEqual, equal, match } from "node:assert/strict";
import ImageKit from "@imagekit/nodejs";
import { shellQuote } from "../../src/shell/quote.ts";
import { type FakeImageKit, startImageKit } from "./imagekit.ts";
import { shellText } from "../support/command.ts";
import { CURL, peerTest } from "../peers/require.ts";

/** Returns the command for a client, with a placeholder for the file. */
function uploadCommand(fake: FakeImageKit, name: string): string {
  const sdk = new ImageKit({ baseURL: fake.apiUrl, privateKey: fake.privateKey });
  const { token, expire, signature } = sdk.helper.getAuthenticationParameters();
  const fields = {
    ...{ fileName: name, useUniqueFileName: "false", overwriteFile: "false" },
    ...{ folder: "/mcp-remote-exec", isPrivateFile: "true", publicKey: fake.publicKey },
    ...{ signature, expire: String(expire), token },
  };
  const form = Object.entries(fields)
    .map(([field, value]) => `--form-string ${shellQuote(`${field}=${value}`)}`).join(" ");
  return `curl -sS -X POST ${shellQuote(`${fake.uploadUrl}/api/v1/files/upload`)} -H 'Expect:' ` +
    `-F 'file=@"<YOUR_FILE_PATH>"' ${form} -w '\\nHTTP %{http_code}\\n'`;
}

const curlTest = (name: string, fn: () => Promise<void>) => peerTest({ name, peer: CURL, fn });

const ODD_NAMES = [
  "plain.bin",
  "with space.bin",
  "a;b,c.txt",
  "a;type=text",
  'say "hi".txt',
  "it's.txt",
  "back\\slash.txt",
  "ünï 名.txt",
];

curlTest("upload accepts curl's form with file names of every kind", async () => {
  const directory = await Deno.makeTempDir();
  const fake = await startImageKit();
  try {
    for (const [index, name] of ODD_NAMES.entries()) {
      const content = new TextEncoder().encode(`content of ${name}\r\n--\0`);
      await Deno.writeFile(`${directory}/${name}`, content);
      // Inside curl's double quotes a quote and a backslash are escaped, inside the shell's a quote.
      const path = `${directory}/${name}`.replaceAll(/["\\]/g, "\\$&").replaceAll("'", `'\\''`);
      const command = uploadCommand(fake, `mcp-upload-${index}`).replace(
        "<YOUR_FILE_PATH>",
        () => path,
      );
      const output = await shellText(command);
      match(output, /\nHTTP 200\n$/, name);
      match(output, /"fileId":"[0-9a-f]{24}"/);
      deepEqual(fake.objects().at(-1)?.bytes, content, name);
      equal(fake.holdsPrivateKey(command + output), false);
    }
    equal(fake.holdsPrivateKey(JSON.stringify(fake.requests)), false);
  } finally {
    await fake.close();
    await Deno.remove(directory, { recursive: true });
  }
});

curlTest("upload refuses a curl command that is run again", async () => {
  const file = await Deno.makeTempFile();
  const fake = await startImageKit();
  try {
    await Deno.writeTextFile(file, "once");
    const command = uploadCommand(fake, "once").replace("<YOUR_FILE_PATH>", file);
    match(await shellText(command), /\nHTTP 200\n$/);
    match(await shellText(command), /has been used before[^\n]*\nHTTP 400\n$/);
    equal(fake.objects().length, 1);
  } finally {
    await fake.close();
    await Deno.remove(file);
  }
});

curlTest("upload stores the file and loses its answer when a test asks for it", async () => {
  const file = await Deno.makeTempFile();
  const fake = await startImageKit();
  try {
    await Deno.writeTextFile(file, "kept");
    fake.failNext("upload", { kind: "cut", afterEffect: true });
    const command = uploadCommand(fake, "kept").replace("<YOUR_FILE_PATH>", file);
    equal((await shellText(`${command} 2>&1; echo "exit $?"`)).endsWith("exit 18\n"), true);
    deepEqual(fake.objects().map(({ filePath }) => filePath), ["/mcp-remote-exec/kept"]);
  } finally {
    await fake.close();
    await Deno.remove(file);
  }
});
