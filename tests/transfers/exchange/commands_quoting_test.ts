import assert from "node:assert/strict";
import { downloadCommand, uploadCommand } from "../../../src/transfers/exchange/commands.ts";
import { metadataHeaders } from "../../../src/transfers/exchange/object_metadata.ts";
import { pure } from "../../support/pure.ts";

/** What the note tells a person to do. */
const forPowerShell = (command: string) => command.replace(/^curl /, "curl.exe ");

pure("uploadCommand() contains no quotes but those around its words", () => {
  const command = uploadCommand({
    method: "PUT",
    url: "https://host/a?x=%27",
    headers: metadataHeaders({ filename: "it's $(id) `x`" }),
    fields: [],
    expiresAtMs: 0,
    writeOnce: false,
  });
  assert.match(command, /-T '<YOUR_FILE_PATH>'/);
  assert.match(command, /-H 'Expect:'/);
  assert.doesNotMatch(command, /[`"$]|'\\''/);
  assert.match(forPowerShell(command), /^curl\.exe -fsgS /);
});

pure("downloadCommand() resumes after a cut", () => {
  assert.equal(
    downloadCommand("https://host/a?b"),
    "curl -fgSL --retry 5 -C - -o '<YOUR_FILE_PATH>' 'https://host/a?b'",
  );
});
