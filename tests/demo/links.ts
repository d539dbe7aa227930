import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Stage, Step, Tour } from "./tour.ts";

const content = randomBytes(2_000_000);
const NAME = "report of the demo.pdf";

const SLACK = {
  "Accept": "*/*",
  "User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
};
const BROWSER = {
  "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
};
const CURL = { "Accept": "*/*", "User-Agent": "curl/8.5.0" };

let url = "";

const makeLink: Step = {
  title: "A link to a file on this machine",
  async run({ server, directory }) {
    await Deno.writeFile(`${directory}/${NAME}`, content);
    const { data, text, isError } = await server.call("generate_download_link", { path: NAME });
    assert.equal(isError, false, text);
    assert.equal(data.size, content.length);
    url = String(data.download_url);
    return text.split("\n");
  },
};

const survivesPreview: Step = {
  title: "It is posted in a chat: the preview gets a page and does not use the link up",
  async run() {
    const preview = await ask("GET", SLACK);
    assert.equal(preview.status, 200);
    assert.match(preview.type, /^text\/html/);
    const look = await ask("GET", BROWSER);
    assert.match(look.text, /<form[^>]*method="post"/i);
    return [
      `Slackbot:  ${describe(preview)}`,
      `A browser: ${describe(look)}, with a button`,
      "Neither has begun a download",
    ];
  },
};

const takeFile: Step = {
  title: "The person presses the button and has the file",
  async run() {
    const got = await ask("POST", BROWSER);
    assert.equal(got.status, 200, got.text);
    assert.ok(content.equals(got.bytes), "other bytes have come");
    const { disposition } = got;
    assert.ok(disposition.includes(NAME), disposition);
    return [`${describe(got)}, saved as "${NAME}"`, "Compared: all the same"];
  },
};

const refusedAgain: Step = {
  title: "A second time the link is dead, for a browser and for curl",
  async run({ server }) {
    const program = await ask("GET", CURL);
    const person = await ask("GET", BROWSER);
    assert.deepEqual([program.status, person.status], [404, 404]);
    const { data } = await server.call("list_download_stats", {});
    assert.deepEqual(data.statistics, {
      total_tokens: 1,
      active_tokens: 0,
      used_tokens: 1,
      expired_tokens: 0,
    });
    return [`404: ${program.text}`, `Counted: ${JSON.stringify(data.statistics)}`];
  },
};

const hostDirectory: Step = {
  title: "A link to a directory on the host: a zip, made while it is sent",
  async run(stage) {
    const entries = await makeTree(stage);
    const args = { path: "logs", source: "host" };
    const { data, text, isError } = await stage.server.call("generate_download_link", args);
    assert.equal(isError, false, text);
    assert.equal(data.file_type, "directory");
    url = String(data.download_url);
    const got = await ask("GET", CURL);
    assert.equal(got.status, 200, got.text);
    assert.match(got.type, /^application\/zip/);
    const names = namesInZip(got.bytes);
    assert.deepEqual(names.sort(), entries);
    return [text.split("\n").slice(2, 4).join("  "), describe(got), `Holds: ${names.join(", ")}`];
  },
};

async function makeTree({ host }: Stage): Promise<string[]> {
  await Deno.mkdir(`${host.directory}/logs`);
  for (const name of ["first.log", "second.log"]) {
    await Deno.writeTextFile(`${host.directory}/logs/${name}`, `${name}\n`.repeat(1_000));
  }
  return ["first.log", "second.log"];
}

/** Names in a zip's central directory. Source: PKWARE APPNOTE 4.3.12. */
function namesInZip(bytes: Uint8Array<ArrayBuffer>): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const names: string[] = [];
  for (let at = 0; at + 46 <= bytes.length; at++) {
    if (view.getUint32(at, true) !== 0x02014b50) continue;
    const name = bytes.subarray(at + 46, at + 46 + view.getUint16(at + 28, true));
    names.push(new TextDecoder().decode(name));
  }
  return names;
}

interface Got {
  readonly status: number;
  readonly type: string;
  readonly disposition: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly text: string;
}

async function ask(method: string, headers: Record<string, string>): Promise<Got> {
  const response = await fetch(url, { method, headers });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return {
    status: response.status,
    type: response.headers.get("content-type") ?? "",
    disposition: response.headers.get("content-disposition") ?? "",
    bytes,
    text: new TextDecoder().decode(bytes.subarray(0, 100_000)),
  };
}

const describe = ({ status, type, bytes }: Got): string =>
  `${status} ${type.split(";")[0]}, ${bytes.length} bytes`;

/** Links that a person opens in any browser, once. */
export const linksTour: Tour = {
  title: "Download links",
  steps: [makeLink, survivesPreview, takeFile, refusedAgain, hostDirectory],
};
