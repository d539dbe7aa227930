import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import { assembleNames } from "../../../src/config/ssh_config/algorithms.ts";
import { ConfigFault, ConfigFiles } from "../../../src/config/ssh_config/files.ts";
import { HostSettings } from "../../../src/config/ssh_config/host_settings.ts";
import { KEYWORDS } from "../../../src/config/ssh_config/keywords.ts";
import { thisMachine } from "../../../src/config/paths.ts";
import { peerTest, SSH_CLIENT } from "../../peers/require.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { type Generated, generatedConfig, NAMES } from "./generated.ts";

const COUNT = 300;
const AT_A_TIME = 4;
/** They are not in the output of OpenSSH 9.2, or always there in another form. */
const NOT_SHOWN = ["refuseconnection", "ignoreunknown"];
const FIELDS = Object.keys(KEYWORDS).filter((keyword) => !NOT_SHOWN.includes(keyword));

type Fields = Record<string, string[]>;

/** Returns what `ssh -G` prints, by keyword; undefined if it refuses the configuration. */
async function askSsh(config: string, name: string): Promise<Fields | undefined> {
  const { code, stdout } = await new Deno.Command("/usr/bin/ssh", {
    args: ["-F", config, "-G", name],
    stdin: "null",
    stderr: "null",
  }).output();
  if (code !== 0) return undefined;
  const fields: Fields = {};
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    const [keyword = "", ...rest] = line.split(" ");
    if (FIELDS.includes(keyword)) (fields[keyword] ??= []).push(rest.join(" "));
  }
  return fields;
}

async function query(what: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("/usr/bin/ssh", { args: ["-Q", what] }).output();
  return new TextDecoder().decode(stdout).trim().split("\n");
}

/** The user of this process, as OpenSSH sees it. */
function account(): { user: string; home: string } {
  const line = Deno.readTextFileSync("/etc/passwd").split("\n")
    .find((each) => each.split(":")[2] === String(Deno.uid()));
  const [user = "", , , , , home = ""] = line?.split(":") ?? [];
  return { user, home };
}

const LISTS = {
  hostkeyalgorithms: "HostKeyAlgorithms",
  kexalgorithms: "kex",
  ciphers: "cipher",
  macs: "mac",
} as const;

/** Returns our settings in the form of `ssh -G`: OpenSSH's defaults where the files say nothing. */
function ours(settings: HostSettings, defaults: Fields, all: Fields): Fields {
  const paths = (list: readonly { value: string }[] | undefined) =>
    list && (list.length === 0 ? ["none"] : [list.map(({ value }) => value).join(" ")]);
  const written = (keyword: keyof typeof KEYWORDS) =>
    settings.evaluated.values.get(keyword)?.map(({ text }) => text);
  const fields: Record<string, string[] | undefined> = {};
  for (const keyword of FIELDS) fields[keyword] = written(keyword as keyof typeof KEYWORDS);
  for (
    const keyword of ["localcommand", "proxycommand", "proxyjump", "knownhostscommand"] as const
  ) {
    if (fields[keyword] && !settings.unlessNone(keyword)) fields[keyword] = [];
  }
  for (const keyword of ["pkcs11provider", "revokedhostkeys"] as const) {
    if (fields[keyword] && !settings.unlessNone(keyword)) fields[keyword] = [];
  }
  for (const keyword of Object.keys(LISTS) as (keyof typeof LISTS)[]) {
    const spec = written(keyword)?.[0];
    const names = assembleNames(spec, defaults[keyword]?.[0]?.split(",") ?? [], all[keyword] ?? []);
    fields[keyword] = [names.join(",")];
  }
  const agent = settings.identityAgent?.value;
  return {
    ...defaults,
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    hostname: [settings.hostname.value],
    port: [String(settings.port.value)],
    user: [settings.user?.value ?? ""],
    ...(agent === undefined ? {} : { identityagent: [agent] }),
    ...(settings.hostKeyAlias ? { hostkeyalias: [settings.hostKeyAlias.value] } : {}),
    ...(settings.userKnownHosts
      ? { userknownhostsfile: paths(settings.userKnownHosts) ?? [] }
      : {}),
    ...(settings.globalKnownHosts
      ? { globalknownhostsfile: paths(settings.globalKnownHosts) ?? [] }
      : {}),
  } as Fields;
}

/** Returns the fields in which two answers differ. */
function differences(mine: Fields | undefined, theirs: Fields | undefined): string[] {
  if (mine === undefined || theirs === undefined) {
    return mine === theirs ? [] : [`refused by ${mine === undefined ? "us" : "ssh"} only`];
  }
  return FIELDS.filter((field) =>
    JSON.stringify(mine[field] ?? []) !== JSON.stringify(theirs[field] ?? [])
  ).map((field) => `${field}: ours ${mine[field]}, of ssh ${theirs[field]}`);
}

peerTest({
  peer: SSH_CLIENT,
  name: `HostSettings agrees with ssh -G on ${COUNT} generated configurations`,
  async fn() {
    using directory = temporaryDirectory();
    const { user, home } = account();
    const machine = { ...thisMachine({}), home };
    const variables = (name: string) => Deno.env.get(name);
    const all: Fields = {};
    for (const [keyword, what] of Object.entries(LISTS)) all[keyword] = await query(what);
    const defaults = new Map<string, Fields>();
    for (const name of NAMES) defaults.set(name, await askSsh("/dev/null", name) ?? {});

    const judge = async ({ main, included, name }: Generated, place: string) => {
      Deno.mkdirSync(place);
      Deno.writeTextFileSync(`${place}/config`, main.replaceAll("{}", place));
      for (const [index, text] of included.entries()) {
        Deno.writeTextFileSync(`${place}/part${index}.conf`, text, { mode: 0o600 });
      }
      const theirs = await askSsh(`${place}/config`, name);
      const roots = [{ path: `${place}/config`, isUsers: true, isChecked: false }];
      let mine: Fields | undefined;
      let fault = "";
      try {
        const context = { roots, files: new ConfigFiles(machine), machine, variables };
        const settings = new HostSettings(context, { name, localUser: user });
        mine = ours(settings, defaults.get(name) ?? {}, all);
      } catch (error) {
        if (!(error instanceof ConfigFault)) throw error;
        fault = error.message;
      }
      return { differing: differences(mine, theirs), refused: theirs === undefined, fault };
    };

    const configs = fc.sample(
      generatedConfig([
        "{}/part0.conf",
        "{}/*.conf",
        "{}/part?.conf {}/missing",
        "{}/part[1-3].conf",
      ]),
      { seed: 2_026, numRuns: COUNT },
    );
    let refused = 0;
    const wrong: string[] = [];
    for (let at = 0; at < COUNT; at += AT_A_TIME) {
      const some = configs.slice(at, at + AT_A_TIME);
      const results = await Promise.all(
        some.map((config, index) => judge(config, `${directory.path}/${at + index}`)),
      );
      for (const [index, result] of results.entries()) {
        if (result.refused) refused++;
        if (result.differing.length === 0) continue;
        const config = some[index];
        wrong.push(
          `#${at + index} ${config?.name} ${result.differing.join("; ")} ${result.fault}\n` +
            `${config?.main}--- ${config?.included.join("---\n")}`,
        );
      }
    }
    assert.equal(wrong.length, 0, `${wrong.length} differ:\n${wrong.slice(0, 3).join("\n\n")}`);
    // The generator must not degenerate.
    assert.ok(refused > 20 && refused < COUNT / 4, `${refused} refused`);
  },
});
