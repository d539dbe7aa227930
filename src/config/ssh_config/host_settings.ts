import {
  evaluate,
  type Evaluated,
  formatPlace,
  type HostQuery,
  lowerCaseName,
  type Place,
} from "./evaluate.ts";
import { expandTilde, expandTokens, type Tokens, type Variables } from "./expand.ts";
import { ConfigFault, type ConfigFiles, type ConfigMachine } from "./files.ts";
import type { ConfigRoot } from "./evaluate.ts";
import type { Keyword } from "./keywords.ts";
import { type JumpSpec, parseJumps } from "./proxy_jump.ts";
import { BadValue } from "./values.ts";

/** A value and where it is written; without a place it is a default of ssh or comes from the caller. */
export interface Sourced<T> {
  readonly value: T;
  readonly place: Place | undefined;
}

/** What {@linkcode HostSettings} needs besides the files. */
export interface SettingsContext {
  readonly roots: readonly ConfigRoot[];
  readonly files: ConfigFiles;
  readonly machine: Pick<ConfigMachine, "home" | "userId">;
  readonly variables: Variables;
}

/** The settings of one host, with the meaning that `ssh -G` shows. Paths are expanded, but may not exist. */
export class HostSettings {
  readonly name: string;
  readonly evaluated: Evaluated;
  readonly hostname: Sourced<string>;
  readonly user: Sourced<string> | undefined;
  readonly port: Sourced<number>;
  readonly #tokens: Tokens;
  readonly #context: SettingsContext;

  /** @throws ConfigFault */
  constructor(context: SettingsContext, query: HostQuery) {
    this.#context = context;
    this.name = query.name;
    this.evaluated = evaluate(context.roots, context.files, context.machine, query);
    const written = this.text("hostname");
    const hostname = written === undefined
      ? query.name
      : this.#expanded("hostname", written, (text) => expandTokens(text, { h: query.name }));
    this.hostname = { value: lowerCaseName(hostname), place: written?.place };
    const user = this.text("user");
    this.user = user ?? sourced(query.localUser, undefined);
    const port = this.text("port");
    this.port = { value: Number(port?.value ?? 22), place: port?.place };
    this.#tokens = {
      ...{ n: query.name, h: this.hostname.value, p: String(this.port.value), "%": "%" },
      ...{ r: this.user?.value, u: query.localUser, d: context.machine.home },
      ...{ k: this.hostKeyAlias?.value ?? query.name, l: undefined, L: undefined, C: undefined },
      get i() {
        return context.machine.userId()?.toString();
      },
    };
  }

  get hostKeyAlias(): Sourced<string> | undefined {
    const found = this.text("hostkeyalias");
    return found && { value: found.value.toLowerCase(), place: found.place };
  }

  /** Paths of IdentityFile; undefined without one, so that ssh uses its default keys. */
  get identityFiles(): readonly Sourced<string>[] | undefined {
    return this.#paths("identityfile");
  }

  get certificateFiles(): readonly Sourced<string>[] {
    return this.#paths("certificatefile") ?? [];
  }

  get userKnownHosts(): readonly Sourced<string>[] | undefined {
    return this.#paths("userknownhostsfile");
  }

  get globalKnownHosts(): readonly Sourced<string>[] | undefined {
    const found = this.#all("globalknownhostsfile");
    return found?.[0]?.value.toLowerCase() === "none" ? [] : found;
  }

  /** Path of the agent's socket, `none`, or undefined for that of the environment. */
  get identityAgent(): Sourced<string> | undefined {
    const found = this.text("identityagent");
    if (found === undefined || found.value === "SSH_AUTH_SOCK") return undefined;
    const name = /^\$([A-Za-z_]\w*)$/.exec(found.value)?.[1];
    const text = name === undefined ? found.value : `\${${name}}`;
    return { ...found, value: this.#path("identityagent", { ...found, value: text }) };
  }

  /** The hosts to pass, in order; empty without ProxyJump. */
  get jumps(): Sourced<readonly JumpSpec[]> {
    const found = this.text("proxyjump");
    if (found === undefined) return { value: [], place: undefined };
    const { n, h, p, r } = this.#tokens;
    const expanded = (text: string) =>
      this.#expanded(
        "proxyjump",
        { ...found, value: text },
        (value) => expandTokens(value, { n, h, p, r }),
      );
    const value = parseJumps(found.value).map(({ user, host, port }) => ({
      ...{ user: user === undefined ? undefined : expanded(user), host: expanded(host), port },
    }));
    return { ...found, value };
  }

  /** Whether a keyword with yes or no is on. */
  isOn(keyword: Keyword): boolean {
    return this.text(keyword)?.value === "yes";
  }

  number(keyword: Keyword): Sourced<number> | undefined {
    const found = this.text(keyword);
    return found && { value: Number(found.value), place: found.place };
  }

  /** The first value of a keyword as written, or as the caller gave it. */
  text(keyword: Keyword): Sourced<string> | undefined {
    return this.#all(keyword)?.[0];
  }

  /** The value of a keyword that names a command or a file, unless it is `none`. */
  unlessNone(keyword: Keyword): Sourced<string> | undefined {
    const found = this.text(keyword);
    return found?.value.toLowerCase() === "none" ? undefined : found;
  }

  #all(keyword: Keyword): Sourced<string>[] | undefined {
    return this.evaluated.values.get(keyword)
      ?.map(({ text, place }) => ({ value: text, place }));
  }

  #paths(keyword: Keyword): Sourced<string>[] | undefined {
    return this.#all(keyword)
      ?.filter(({ value }) => value.toLowerCase() !== "none")
      .map((found) => ({ ...found, value: this.#path(keyword, found) }));
  }

  #path(keyword: Keyword, found: Sourced<string>): string {
    const { machine: { home }, variables } = this.#context;
    return this.#expanded(
      keyword,
      found,
      (text) => expandTokens(expandTilde(text, home), this.#tokens, variables),
    );
  }

  #expanded(
    keyword: Keyword,
    { value, place }: Sourced<string>,
    expand: (text: string) => string,
  ): string {
    try {
      return expand(value);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      const where = place === undefined ? "" : `${formatPlace(place)}: `;
      throw new ConfigFault(
        `${where}${keyword} ${error.message}`,
        "Write the value out, or set SSH_CONFIG=none to read no SSH configuration",
      );
    }
  }
}

const sourced = <T>(value: T | undefined, place: Place | undefined): Sourced<T> | undefined =>
  value === undefined ? undefined : { value, place };
