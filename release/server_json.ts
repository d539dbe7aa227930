import { type Variable, VARIABLES } from "../src/config/variables/variables.ts";
import { downloadAddress, PACKAGE, registryName, VERSION } from "./names.ts";
import { DESCRIPTION } from "./npm_packages.ts";

/** The format that {@linkcode serverJson} writes. */
export const SCHEMA =
  "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

/** A bundle of this release. */
export interface Bundle {
  readonly name: string;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** Variables whose value is a file or a directory. */
const PATHS: readonly Variable<unknown>[] = [
  VARIABLES.keyPath,
  VARIABLES.knownHosts,
  VARIABLES.workingDirectory,
  VARIABLES.auditLog,
  VARIABLES.downloadTlsCert,
  VARIABLES.downloadTlsKey,
];

/**
 * Returns the entry for the MCP registry, undefined if the repository's address yields no name there. The registry takes
 * bundles from releases on GitHub and GitLab, and packages of the public npm registry.
 *
 * Source: modelcontextprotocol/registry, schema 2025-12-11 and "Official Registry Server.json Requirements".
 */
export function serverJson(
  repository: string | undefined,
  bundles: readonly Bundle[],
): unknown {
  const name = registryName(repository);
  if (name === undefined || repository === undefined) return undefined;
  const transport = { type: "stdio" };
  return {
    $schema: SCHEMA,
    name,
    title: "Remote machines over SSH",
    description: DESCRIPTION,
    version: VERSION,
    websiteUrl: repository,
    repository: { url: repository, source: "github" },
    packages: [
      {
        registryType: "npm",
        registryBaseUrl: "https://registry.npmjs.org",
        identifier: PACKAGE,
        version: VERSION,
        runtimeHint: "npx",
        transport,
        environmentVariables: Object.values<Variable<unknown>>(VARIABLES).map(input),
      },
      ...bundles.map((bundle) => ({
        registryType: "mcpb",
        identifier: `${downloadAddress(repository)}/${bundle.name}`,
        version: VERSION,
        fileSha256: bundle.sha256,
        transport,
      })),
    ],
  };
}

function input(variable: Variable<unknown>) {
  const { name, help, group, secret, fallback, shown } = variable;
  const isRequired = group === "Required";
  // Others are described in words, such as "current directory".
  const hasDefault = !isRequired && shown !== "" && shown === String(fallback);
  return {
    name,
    description: help,
    isRequired,
    isSecret: secret,
    format: formatOf(variable),
    ...(hasDefault ? { default: shown } : {}),
  };
}

function formatOf(variable: Variable<unknown>): string {
  if (PATHS.includes(variable)) return "filepath";
  const type = typeof variable.fallback;
  return type === "boolean" || type === "number" ? type : "string";
}
