import {
  applyEdits,
  getNodeValue,
  modify,
  type Node,
  type ParseError,
  parseTree,
} from "jsonc-parser";
import { printable, RemoteExecError } from "../../errors.ts";
import { insertMember, layoutOf } from "./insert_member.ts";
import { isObject, type StartCommand, startsThisProgram } from "./server_entry.ts";

/** What a client's file shall say. */
export interface Wanted {
  /** The member that holds the servers. */
  readonly key: string;
  /** The name of the server; without one, the server that is there is meant, or else `remote`. */
  readonly name: string | undefined;
  readonly start: StartCommand;
  readonly env: Readonly<Record<string, string>>;
  readonly extra: Readonly<Record<string, string>>;
}

/** The new text of the file. */
export interface Edited {
  readonly text: string;
  readonly change: "added" | "updated" | "none";
  readonly name: string;
  /** Names of variables that were removed, because they belong to the host that was there before. */
  readonly removed: readonly string[];
}

const DEFAULT_NAME = "remote";
/** Variables that say how to log in to a host, and mean nothing for another one. */
const OF_THE_HOST = [
  ...["HOST", "HOSTS", "SSH_USERNAME", "SSH_PORT", "SSH_KEY", "SSH_KEY_PASSPHRASE"],
  ...["SSH_PASSWORD", "SUDO_PASSWORD"],
];

/**
 * Adds the server to the text of a client's file, or updates it. Everything else stays byte for byte, comments
 * included. A variable that is there and not given stays as well, unless it belongs to another host.
 *
 * @throws RemoteExecError `configuration` when the text is not such a file, or its server of that name is another
 *   program
 */
export function editServers(text: string, wanted: Wanted): Edited {
  const mark = text.startsWith("\ufeff") ? "\ufeff" : "";
  const body = text.slice(mark.length);
  const content = body.trim() === "" ? "{}\n" : body;
  const root = parse(content);
  const servers = memberOf(root, wanted.key);
  if (servers !== undefined && servers.type !== "object") throw notAnObject(wanted.key);
  const name = chooseName(servers, wanted);
  const existing = servers && memberOf(servers, name);
  const edited = existing === undefined
    ? { text: added(content, root, servers, name, wanted), removed: [] }
    : updated(content, existing, name, wanted);
  const change = existing === undefined ? "added" : edited.text === content ? "none" : "updated";
  return { ...edited, text: mark + edited.text, change, name };
}

/** Returns the entry of a new server. */
export const entryOf = ({ extra, start: { command, args }, env }: Wanted) => ({
  ...extra,
  command,
  ...(args.length === 0 ? {} : { args: [...args] }),
  ...(Object.keys(env).length === 0 ? {} : { env: { ...env } }),
});

function parse(content: string): Node {
  const errors: ParseError[] = [];
  const root = parseTree(content, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error !== undefined || root === undefined) {
    const before = content.slice(0, error?.offset ?? 0).split("\n");
    throw unusable(
      `it is not JSON (line ${before.length}, column ${(before.at(-1) ?? "").length + 1})`,
      "Correct the file at that place, or move it away to start with a new one",
    );
  }
  if (root.type !== "object") throw notAnObject("The file");
  return root;
}

function memberOf(object: Node, key: string): Node | undefined {
  const found = (object.children ?? []).filter(({ children }) => children?.[0]?.value === key);
  if (found.length > 1) {
    throw unusable(`it has ${printable(JSON.stringify(key))} twice`, "Remove one of the two");
  }
  return found[0]?.children?.[1];
}

function chooseName(servers: Node | undefined, { name, start }: Wanted): string {
  const entries = Object.entries<unknown>(servers === undefined ? {} : getNodeValue(servers));
  const own = entries.filter(([, entry]) => startsThisProgram(entry, start)).map(([each]) => each);
  const chosen = name ?? (own.includes(DEFAULT_NAME) ? DEFAULT_NAME : own[0] ?? DEFAULT_NAME);
  if (name === undefined && own.length > 1 && !own.includes(DEFAULT_NAME)) {
    const names = own.map((each) => printable(each)).join(", ");
    throw unusable(
      `it has several servers of this program: ${names}`,
      "Name one of them with --name",
    );
  }
  if (entries.some(([each]) => each === chosen) && !own.includes(chosen)) {
    throw unusable(
      `its server ${printable(JSON.stringify(chosen))} is another program`,
      "Choose another name with --name",
    );
  }
  return chosen;
}

function added(
  content: string,
  root: Node,
  servers: Node | undefined,
  name: string,
  wanted: Wanted,
): string {
  const entry = entryOf(wanted);
  return servers === undefined
    ? insertMember(content, root, wanted.key, { [name]: entry })
    : insertMember(content, servers, name, entry);
}

function updated(content: string, existing: Node, name: string, wanted: Wanted) {
  const { key, start: { command }, extra } = wanted;
  const before: unknown = getNodeValue(existing);
  const old = isObject(before) ? before : {};
  const { env, removed } = newEnvironment(old["env"], wanted.env);
  const oldEnv = isObject(old["env"]) ? old["env"] : {};
  const changes: (readonly [readonly string[], unknown])[] = [
    ...Object.entries(extra).map(([member, value]) => [[member], value] as const),
    [["command"], command],
    [["args"], newArguments(old, wanted.start)],
    ...removed.map((variable) => [["env", variable], undefined] as const),
    ...Object.entries(env).filter(([variable, value]) => oldEnv[variable] !== value)
      .map(([variable, value]) => [["env", variable], value] as const),
  ];
  let text = content;
  const formattingOptions = layoutOf(content);
  for (const [path, value] of changes) {
    if (path.length === 1 && isSame(old[path[0] ?? ""], value)) continue;
    const edits = modify(text, [key, name, ...path], value, { formattingOptions });
    text = applyEdits(text, edits);
  }
  return { text, removed };
}

/** Arguments for the program itself, such as `--env-file`, outlive an update of its path. */
function newArguments(old: Record<string, unknown>, { args }: StartCommand): unknown {
  const isPlain = typeof old["command"] === "string" && /mcp-remote-exec/.test(old["command"]);
  if (args.length > 0) return args;
  return isPlain ? old["args"] : undefined;
}

function newEnvironment(before: unknown, env: Readonly<Record<string, string>>) {
  const old = isObject(before) ? before : {};
  const isOther = (["HOST", "HOSTS"] as const).some((name) =>
    old[name] !== env[name] && (env["HOST"] ?? env["HOSTS"]) !== undefined &&
    (old["HOST"] ?? old["HOSTS"]) !== undefined
  );
  const removed = isOther
    ? OF_THE_HOST.filter((name) => Object.hasOwn(old, name) && !Object.hasOwn(env, name))
    : [];
  return { env, removed };
}

const isSame = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

const notAnObject = (what: string) =>
  unusable(
    `${what === "The file" ? "its content" : `its member "${what}"`} is not an object`,
    "Correct the file, or move it away to start with a new one",
  );

/** The message begins behind the file's path. */
const unusable = (reason: string, remedy: string) =>
  new RemoteExecError("configuration", reason, remedy);
