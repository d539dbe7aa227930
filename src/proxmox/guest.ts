/** A container or a virtual machine, as the API of Proxmox VE names the two. */
export interface Guest {
  readonly kind: "lxc" | "qemu";
  readonly id: number;
}

export const container = (id: number): Guest => ({ kind: "lxc", id });

export const machine = (id: number): Guest => ({ kind: "qemu", id });

/** The program that administers it. */
export const programOf = ({ kind }: Guest): "pct" | "qm" => kind === "lxc" ? "pct" : "qm";

/** As messages name it: `Container 101`, `VM 200`. */
export const guestName = ({ kind, id }: Guest): string =>
  `${kind === "lxc" ? "Container" : "VM"} ${id}`;

/** The same within a sentence. */
export const guestInText = ({ kind, id }: Guest): string =>
  `${kind === "lxc" ? "container" : "VM"} ${id}`;
