import type { ToolContext } from "../../mcp/tool.ts";
import { guestInText } from "../guests/guest.ts";
import { isRunning, outputOf, type ProxmoxHost } from "../host.ts";
import { type HostCommand, KEYS_FILE } from "./host_input.ts";
import type { GuestInTheMaking, GuestMaker, MadeGuest } from "./maker.ts";
import { networkNotes } from "./network_notes.ts";

/** What both kinds of guests are created with. */
interface GuestOrder {
  /** Undefined: the next free one. */
  readonly id: number | undefined;
  readonly name: string | undefined;
  /** Undefined: the one with the most free space. */
  readonly storage: string | undefined;
  readonly diskGb: number;
  readonly cores: number;
  readonly memoryMb: number;
  readonly bridge: string;
  readonly vlan: number | undefined;
  /** `dhcp`, or an IPv4 address with its prefix length. */
  readonly ip: string;
  readonly gateway: string | undefined;
  /** Public keys, one per line. */
  readonly sshKeys: string | undefined;
  /** Further options of `pct` or `qm`, which win over the other fields. */
  readonly options: Readonly<Record<string, string>>;
  readonly start: boolean;
  readonly timeoutMs: number;
}

/** A container to be created. */
export interface ContainerOrder extends GuestOrder {
  readonly template: string;
  readonly unprivileged: boolean;
  readonly password: string | undefined;
}

/** A VM to be created, from an installer (`iso`), from a disk image, or with an empty disk. */
export interface VmOrder extends GuestOrder {
  readonly iso: string | undefined;
  /** A volume ID, or a path on the host. */
  readonly image: string | undefined;
  readonly ciUser: string | undefined;
}

/** Creates containers and VMs. */
export class Creation {
  readonly #host: ProxmoxHost;
  readonly #maker: GuestMaker;

  constructor(host: ProxmoxHost, maker: GuestMaker) {
    this.#host = host;
    this.#maker = maker;
  }

  /** Creates a container. @throws RemoteExecError that also says what was left behind */
  async container(
    order: ContainerOrder,
    context: ToolContext,
  ): Promise<MadeGuest | GuestInTheMaking> {
    const storage = order.storage ?? await this.#maker.storageFor("container", context);
    const made = await this.#maker.make({
      kind: "container",
      id: order.id,
      action: (guest) => `Creating ${guestInText(guest)}`,
      command: (id) => containerCommand(id, order, storage),
      name: order.name,
      start: order.start,
      timeoutMs: order.timeoutMs,
    }, context);
    if (isRunning(made)) return made;
    const hasLogin = order.password !== undefined || order.sshKeys !== undefined;
    return await this.#withNotes(made, order, hasLogin ? [] : [NO_LOGIN.container], context);
  }

  /** Creates a VM. @throws RemoteExecError that also says what was left behind */
  async vm(order: VmOrder, context: ToolContext): Promise<MadeGuest | GuestInTheMaking> {
    const storage = order.storage ?? await this.#maker.storageFor("vm", context);
    const image = order.image === undefined
      ? undefined
      : await this.#imagePath(order.image, context);
    const made = await this.#maker.make({
      kind: "vm",
      id: order.id,
      action: (guest) => `Creating ${guestInText(guest)}`,
      command: (id) => vmCommand(id, { ...order, image }, storage),
      name: order.name,
      start: order.start,
      timeoutMs: order.timeoutMs,
    }, context);
    if (isRunning(made) || image === undefined) return made;
    const size = sizeWarning(made.config, order.diskGb);
    const notes = [
      ...(size === undefined ? [] : [size]),
      ...(order.sshKeys === undefined ? [NO_LOGIN.vm] : []),
    ];
    return await this.#withNotes(made, order, notes, context);
  }

  /** Adds what makes a new guest unreachable although everything succeeded. */
  async #withNotes(
    made: MadeGuest,
    order: GuestOrder,
    notes: readonly string[],
    context: ToolContext,
  ): Promise<MadeGuest> {
    const isOwn = Object.keys(order.options).some((key) => /^(?:net|ipconfig)0$/.test(key));
    const network = isOwn ? [] : await networkNotes(this.#host, order, context);
    return { ...made, warnings: [...made.warnings, ...notes, ...network] };
  }

  /**
   * An image among the ISO images of a storage is imported by its path: as a volume Proxmox VE refuses it.
   *
   * Source: qemu-server e6352be src/PVE/API2/Qemu.pm:202-216, "needs to be 'images' or 'import'".
   */
  async #imagePath(image: string, { signal }: ToolContext): Promise<string> {
    if (!/^[^/:]+:iso\//.test(image)) return image;
    const action = `Finding ${image}`;
    const answer = await this.#host.run(["pvesm", "path", image], {
      ...{ signal, progress: undefined, action },
    });
    return outputOf(answer, action).trim();
  }
}

const NO_LOGIN = {
  container:
    "Neither password nor ssh_keys was given: unless the template brings its own, nobody can log in " +
    "(proxmox_container_exec_command works)",
  vm: "No ssh_keys were given: unless the image brings a login of its own, nobody can log in",
};

/** The enlargement of the disk exits with 0 also when it fails (8.0 and later). */
function sizeWarning(
  config: Readonly<Record<string, string>>,
  wantedGb: number,
): string | undefined {
  const size = /(?:^|,)size=([\d.]+[KMGT])(?:,|$)/.exec(config.scsi0 ?? "")?.[1];
  if (size === undefined || size === `${wantedGb}G`) return undefined;
  return `Its disk has ${size} instead of ${wantedGb}G: a disk cannot become smaller than its image, or the ` +
    "enlargement failed";
}

/**
 * `unprivileged` is always passed: its default changed with Proxmox VE 9.0. `nesting` is what systemd in
 * current distributions needs; the web page sets it for unprivileged containers too.
 */
function containerCommand(id: number, order: ContainerOrder, storage: string): HostCommand {
  const { template, unprivileged, password, sshKeys } = order;
  const net = [
    "name=eth0",
    `bridge=${order.bridge}`,
    ...(order.vlan === undefined ? [] : [`tag=${order.vlan}`]),
    `ip=${order.ip}`,
    ...(order.gateway === undefined ? [] : [`gw=${order.gateway}`]),
  ];
  const options = {
    unprivileged: unprivileged ? "1" : "0",
    ...(order.name === undefined ? {} : { hostname: order.name }),
    rootfs: `${storage}:${order.diskGb}`,
    cores: String(order.cores),
    memory: String(order.memoryMb),
    net0: net.join(","),
    ...(unprivileged ? { features: "nesting=1" } : {}),
    ...order.options,
  };
  return {
    // Without a value `pct` asks for the password, and reads it from stdin where there is no terminal.
    words: [
      ...["pct", "create", String(id), template] as const,
      ...(password === undefined ? [] : ["--password"]),
      ...(sshKeys === undefined ? [] : [`--ssh-public-keys=${KEYS_FILE}`]),
      ...optionWords(options),
    ],
    ...(sshKeys === undefined ? {} : { keys: sshKeys }),
    ...(password === undefined ? {} : { password }),
  };
}

/** An image gets a drive for cloud-init, and is enlarged afterwards; an installer gets an empty disk. */
function vmCommand(id: number, order: VmOrder, storage: string): HostCommand {
  const { image, iso, sshKeys, ciUser, vlan, gateway } = order;
  const cloudInit = image === undefined ? {} : {
    ide2: `${storage}:cloudinit`,
    ipconfig0: [`ip=${order.ip}`, ...(gateway === undefined ? [] : [`gw=${gateway}`])].join(","),
    ...(ciUser === undefined ? {} : { ciuser: ciUser }),
    // Cloud images print to the first serial port.
    serial0: "socket",
  };
  const installer = iso === undefined
    ? {}
    : { [image === undefined ? "ide2" : "ide0"]: `${iso},media=cdrom` };
  const options = {
    ...(order.name === undefined ? {} : { name: order.name }),
    cores: String(order.cores),
    memory: String(order.memoryMb),
    ostype: "l26",
    scsihw: "virtio-scsi-single",
    scsi0: image === undefined ? `${storage}:${order.diskGb}` : `${storage}:0,import-from=${image}`,
    net0: `virtio,bridge=${order.bridge}${vlan === undefined ? "" : `,tag=${vlan}`}`,
    agent: "1",
    ...cloudInit,
    ...installer,
    boot: `order=${iso === undefined || image !== undefined ? "scsi0" : "scsi0;ide2"}`,
    ...order.options,
  };
  return {
    words: [
      ...["qm", "create", String(id)] as const,
      ...(sshKeys === undefined ? [] : [`--sshkeys=${KEYS_FILE}`]),
      ...optionWords(options),
    ],
    ...(sshKeys === undefined ? {} : { keys: sshKeys }),
    ...(image === undefined
      ? {}
      : { next: ["qm", "resize", String(id), "scsi0", `${order.diskGb}G`] }),
  };
}

/** With `=` a value may begin with a dash. */
const optionWords = (options: Readonly<Record<string, string>>): string[] =>
  Object.entries(options).map(([key, value]) => `--${key}=${value}`);
