import assert from "node:assert/strict";
import * as z from "zod";
import { registryName } from "../../release/names.ts";
import { SCHEMA, serverJson } from "../../release/server_json.ts";
import { variableNames } from "../../src/config/variables/environment_names.ts";
import { pure } from "../support/pure.ts";

/**
 * What the registry requires of the fields that we write; unknown fields are refused. Source: the definitions
 * ServerDetail, Repository, Package, KeyValueInput and Input of the schema, and the official registry's requirements.
 * The workflow of a release validates the file against the published schema itself.
 */
const Input = z.strictObject({
  name: z.string().regex(/^[A-Z][A-Z0-9_]*$/),
  description: z.string().min(1),
  isRequired: z.boolean(),
  isSecret: z.boolean(),
  format: z.enum(["string", "number", "boolean", "filepath"]),
  default: z.string().optional(),
});
const version = z.string().min(1).max(255).regex(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
const transport = z.strictObject({ type: z.literal("stdio") });
const NpmPackage = z.strictObject({
  registryType: z.literal("npm"),
  registryBaseUrl: z.literal("https://registry.npmjs.org"),
  identifier: z.string().min(1),
  version,
  runtimeHint: z.literal("npx"),
  transport,
  environmentVariables: z.array(Input),
});
const BundlePackage = z.strictObject({
  registryType: z.literal("mcpb"),
  identifier: z.string().regex(/^https:\/\/github\.com\/[^/]+\/[^/]+\/releases\/download\/.*mcp/),
  version,
  fileSha256: z.string().regex(/^[a-f0-9]{64}$/),
  transport,
});
const ServerJson = z.strictObject({
  $schema: z.literal(SCHEMA),
  name: z.string().min(3).max(200).regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  title: z.string().min(1).max(100),
  description: z.string().min(1).max(100),
  version,
  websiteUrl: z.url(),
  repository: z.strictObject({ url: z.url(), source: z.literal("github") }),
  packages: z.array(z.discriminatedUnion("registryType", [NpmPackage, BundlePackage])),
});

const REPOSITORY = "https://github.com/someone/mcp-remote-exec";
const BUNDLE = { name: "mcp-remote-exec-linux-x64.mcpb", sha256: "0f".repeat(32) };

pure("server.json has what the MCP registry requires", () => {
  const { name, packages } = ServerJson.parse(serverJson(REPOSITORY, [BUNDLE]));
  assert.equal(name, "io.github.someone/mcp-remote-exec");
  const [npm, bundle] = packages;
  assert.ok(npm?.registryType === "npm" && bundle?.registryType === "mcpb");
  assert.ok(bundle.identifier.endsWith(`/releases/download/v${bundle.version}/${BUNDLE.name}`));
});

pure("server.json lists the variables of the table, and marks the secret ones", () => {
  const [npm] = ServerJson.parse(serverJson(REPOSITORY, [])).packages;
  assert.ok(npm?.registryType === "npm");
  const inputs = new Map(npm.environmentVariables.map((input) => [input.name, input]));
  for (const name of inputs.keys()) assert.ok(variableNames().includes(name), name);
  assert.ok(inputs.size > 50);
  assert.equal(inputs.get("SSH_PASSWORD")?.isSecret, true);
  assert.deepEqual(
    [...inputs.values()].filter(({ isRequired }) => isRequired).map(({ name }) => name),
    ["I_ACCEPT_RISKS", "HOST"],
  );
  assert.deepEqual(
    ["SSH_KEY", "SSH_PORT", "READ_ONLY", "HOST"].map((name) => inputs.get(name)?.format),
    ["filepath", "number", "boolean", "string"],
  );
  assert.deepEqual(
    ["SSH_PORT", "READ_ONLY", "WORKING_DIRECTORY", "BASE_URL"].map((name) =>
      inputs.get(name)?.default
    ),
    ["22", "false", undefined, undefined],
  );
});

pure("there is no server.json without a repository that the registry knows", () => {
  for (const repository of [undefined, "https://git.example/someone/project"]) {
    assert.equal(registryName(repository), undefined);
    assert.equal(serverJson(repository, [BUNDLE]), undefined);
  }
});
