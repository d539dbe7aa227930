import assert from "node:assert/strict";
import fc from "../support/property.ts";
import { TOOL_ROWS } from "../../src/config/tool_table.ts";
import { instructions } from "../../src/server/instructions.ts";
import { CONFIGURATION_NAMES, CONFIGURATIONS, offeredTools, toolsOf } from "../support/catalogs.ts";
import { configOf } from "../support/config.ts";

/** What a client may cut off begins at 2,048. */
const MAX = 1_900;

const namesOf = async (name: keyof typeof CONFIGURATIONS) =>
  (await toolsOf(name)).map((tool) => tool.name);

for (const name of CONFIGURATION_NAMES) {
  Deno.test(`instructions() describes the families that are offered, and no other (${name})`, async () => {
    const names = await namesOf(name);
    const text = instructions(configOf(CONFIGURATIONS[name]), names);
    for (const family of ["proxmox_", "imagekit_", "exchange_"]) {
      assert.equal(text.includes(family), names.some((tool) => tool.startsWith(family)), family);
    }
    for (const [tool] of text.matchAll(/\b[a-z]+(?:_[a-z]+)+\b/g)) {
      assert.ok(names.includes(tool), `${tool} is not offered`);
    }
    assert.ok(text.length <= MAX, String(text.length));
  });
}

Deno.test("instructions() says what a model cannot know from the names of the tools", async () => {
  const config = configOf({ SSH_USERNAME: "deploy", SSH_PORT: "2222", TIMEOUT: "45" });
  const text = instructions(config, await namesOf("core"));
  for (
    const fact of [
      "server.example, port 2222",
      "as deploy",
      "No TTY, no stdin",
      "`sudo -n`",
      "default 45 s, max 300",
      "output so far",
      "for a person",
      "end with this server",
      "/home/me/project",
      "max 10 MiB",
    ]
  ) assert.ok(text.includes(fact), fact);
});

Deno.test("instructions() mentions only tools that are offered", () => {
  const config = configOf(CONFIGURATIONS.everything);
  const text = instructions(config, ["ssh_exec_command"]);
  assert.doesNotMatch(text, /proxmox|imagekit|exchange|link|ssh_upload/);
  assert.doesNotMatch(instructions(config, ["list_download_stats"]), /ssh_exec|generate/);
});

Deno.test("instructions() names only offered tools, whatever is offered", () => {
  const config = configOf(CONFIGURATIONS.everything);
  const all = TOOL_ROWS.map(({ name }) => name);
  fc.assert(fc.property(fc.subarray(all), (names) => {
    for (const [tool] of instructions(config, names).matchAll(/\b[a-z]+(?:_[a-z]+)+\b/g)) {
      assert.ok(names.includes(tool), `${tool} is not offered`);
    }
  }));
});

Deno.test("instructions() says that no tool changes anything, and where files are only if one uses them", async () => {
  const env = { ...CONFIGURATIONS.everything, READ_ONLY: "true" };
  const names = (await offeredTools(env)).map(({ name }) => name);
  const text = instructions(configOf(env), names);
  assert.match(text, /^No tool changes anything\.$/m);
  assert.doesNotMatch(text, /Local files/);
  assert.doesNotMatch(instructions(configOf(), await namesOf("core")), /No tool changes/);
  assert.match(instructions(configOf(), ["ssh_upload_file"]), /^Local files: only in/m);
});

Deno.test("instructions() has at most 1,900 characters, however long the names are", async () => {
  const names = [
    ...new Set((await Promise.all(CONFIGURATION_NAMES.map(namesOf))).flat()),
  ];
  const config = configOf(CONFIGURATIONS.everything);
  const { ssh, limits, files, r2 } = config;
  assert.ok(r2);
  const text = fc.oneof(fc.string({ maxLength: 5000 }), fc.string({ unit: "grapheme" }));
  fc.assert(
    fc.property(
      fc.record({ host: text, username: text, port: fc.integer({ min: 1, max: 65535 }) }),
      fc.array(text, { minLength: 1, maxLength: 50 }),
      fc.record({
        timeoutMs: fc.integer({ min: 1000, max: 300_000 }),
        maxFileBytes: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      }),
      (login, roots, sizes) => {
        const made = instructions({
          ssh: { ...ssh, ...login },
          limits: { ...limits, ...sizes },
          files: { ...files, roots },
          r2: { ...r2, maxFileBytes: sizes.maxFileBytes },
        }, names);
        assert.ok(made.length <= MAX, String(made.length));
        assert.ok(made.isWellFormed());
        assert.equal(made.split("\n").length, 11);
      },
    ),
    {
      numRuns: 200,
      examples: [[
        { host: "h".repeat(5000), username: "u".repeat(5000), port: 65535 },
        Array(50).fill("/d".repeat(2000)),
        { timeoutMs: 12_345, maxFileBytes: Number.MAX_SAFE_INTEGER },
      ]],
    },
  );
});
