import assert from "node:assert/strict";
import { type FakeProxmox, installProxmox } from "../fakes/proxmox/install.ts";
import { startFakeS3 } from "../fakes/s3.ts";
import { startImageKit } from "../fakes/imagekit.ts";
import { makeNamespaces, type Namespace } from "../peers/net_namespaces.ts";
import { type Sshd, type SshdOptions, startSshd } from "../peers/sshd.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { imageKitVariables } from "./bridges.ts";
import { exchangeOn, type Servers, startServers } from "./full_stage.ts";

/** A host in a network namespace of its own, with a port, a login and keys of its own. */
export interface ChainHost {
  readonly sshd: Sshd;
  readonly namespace: Namespace;
  /** The address by which the host before it reaches it. */
  readonly address: string;
}

/** This machine reaches `bastion` alone; each other host is reached through the one that is named here. */
const BEHIND = { pve: "bastion", web: "bastion", six: "bastion", deep: "web" } as const;
/** The host without an IPv4 address. */
const ONLY_IPV6 = "six";

export type ChainName = "bastion" | keyof typeof BEHIND;
export const CHAIN_NAMES = ["bastion", "pve", "web", "six", "deep"] as const;

/** Five hosts, a Proxmox VE node on one of them, an exchange and an ImageKit account. */
export interface ChainStage extends AsyncDisposable {
  readonly hosts: Readonly<Record<ChainName, ChainHost>>;
  readonly pve: FakeProxmox;
  /** WORKING_DIRECTORY of the servers. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  startServers(): Promise<Servers>;
}

/** Starts all of them. */
export async function startChainStage(): Promise<ChainStage> {
  await using parts = new AsyncDisposableStack();
  const place = parts.use(temporaryDirectory());
  const pve = await installProxmox();
  parts.defer(() => pve.close());
  const { list } = parts.use(
    await makeNamespaces(CHAIN_NAMES.map((name) => ({
      ...(name === "bastion" ? {} : { behind: CHAIN_NAMES.indexOf(BEHIND[name]) }),
      onlyIpv6: name === ONLY_IPV6,
    }))),
  );
  const starting = CHAIN_NAMES.map(async (name, index) => {
    const namespace = list[index];
    assert.ok(namespace);
    const address = name === ONLY_IPV6 ? namespace.address6 : namespace.address;
    const options = { netns: namespace.name, config: [`ListenAddress ${address}`] };
    const sshd = parts.use(await startSshd(name === "pve" ? onNode(options) : options));
    return { sshd, namespace, address };
  });
  // All have to be in `parts` before an error ends it.
  await Promise.allSettled(starting);
  const [bastion, node, web, six, deep] = await Promise.all(starting);
  assert.ok(bastion && node && web && six && deep);
  Deno.mkdirSync(`${node.sshd.home}/.ssh`);
  const path = `PATH=${pve.binDirectory}:/usr/sbin:/usr/bin:/sbin:/bin\n`;
  Deno.writeTextFileSync(`${node.sshd.home}/.ssh/environment`, path);
  const hosts = { bastion, pve: node, web, six, deep };
  const s3 = parts.use(startFakeS3());
  const imageKit = await startImageKit();
  parts.defer(() => imageKit.close());
  const directory = `${place.path}/work`;
  Deno.mkdirSync(directory);
  const env = { ...variables(place.path, hosts), WORKING_DIRECTORY: directory, ...exchangeOn(s3) };
  const rest = parts.move();
  return {
    ...{ hosts, pve, directory, env },
    startServers: () => startServers(directory, env, imageKitVariables(imageKit)),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

/** The Proxmox programs need root, and a PATH on which they are. */
const onNode = (options: { readonly config: readonly string[] }): SshdOptions => ({
  ...options,
  loginUser: "root",
  config: [...options.config, "PermitUserEnvironment yes"],
});

function variables(
  directory: string,
  hosts: Readonly<Record<ChainName, ChainHost>>,
): Record<string, string> {
  const [config, known] = [`${directory}/config`, `${directory}/known_hosts`];
  Deno.writeTextFileSync(
    known,
    CHAIN_NAMES.map((name) =>
      hosts[name].sshd.knownHostsText.replaceAll("127.0.0.1", hosts[name].address)
    ).join(""),
  );
  Deno.writeTextFileSync(
    config,
    CHAIN_NAMES.map((name) => {
      const { sshd, address } = hosts[name];
      return [
        ...[`Host ${name}`, `HostName ${address}`, `Port ${sshd.port}`, `User ${sshd.username}`],
        ...[`IdentityFile ${sshd.keyPath}`, "IdentitiesOnly yes", `UserKnownHostsFile ${known}`],
        ...(name === "bastion" ? [] : [`ProxyJump ${BEHIND[name]}`]),
        "",
      ].join("\n");
    }).join(""),
  );
  return {
    ...{ I_ACCEPT_RISKS: "true", HOME: directory, SSH_CONFIG: config },
    ...{ HOSTS: CHAIN_NAMES.join(","), PROXMOX_HOSTS: "pve" },
  };
}
