import assert from "node:assert/strict";
import { type Options, parseOptions } from "../../release/options.ts";
import { pure } from "../support/pure.ts";

const DEFAULTS = { output: "/out", repository: undefined };

function parsed(...args: string[]): Options {
  const options = parseOptions(args, DEFAULTS);
  if (typeof options === "string") assert.fail(options);
  return options;
}

pure("parseOptions() asks for all systems by default", () => {
  const { targets, ...others } = parsed();
  assert.deepEqual(
    targets.map(({ name }) => name),
    ["linux-x64", "linux-arm64", "macos-x64", "macos-arm64", "windows-x64"],
  );
  assert.deepEqual(others, { ...DEFAULTS, binaries: new Map(), level: 6 });
});

pure("parseOptions() reads every option", () => {
  const { targets, ...others } = parsed(
    "--only=windows-x64,linux-x64",
    "--binary=linux-x64=/a=b",
    "--output=/there",
    "--repository=https://git.example/me/project",
    "--level=1",
  );
  assert.deepEqual(targets.map(({ name }) => name), ["linux-x64", "windows-x64"]);
  assert.deepEqual(others, {
    binaries: new Map([["linux-x64", "/a=b"]]),
    output: "/there",
    repository: "https://git.example/me/project",
    level: 1,
  });
});

pure("parseOptions() says what is wrong", () => {
  for (
    const [arg, message] of [
      ["--only=linux-x86", 'unknown system "linux-x86": use linux-x64, '],
      ["--binary=linux-x64", '--binary needs NAME=PATH: got "linux-x64"'],
      ["--repository=http://git.example/x", "--repository needs an https URL"],
      ["--repository=https://git.example/x/", "--repository needs an https URL"],
      ["--level=0", 'unknown option "--level=0"'],
      ["all", 'unknown option "all"'],
    ] as const
  ) assert.ok(String(parseOptions([arg], DEFAULTS)).startsWith(message), arg);
});
