/** The source or the destination of a transfer. */
export type Endpoint = OfHost & Place;

interface OfHost {
  /** The number of the host whose worker opens it, where one worker works with several. */
  readonly host?: number;
}

type Place =
  /** A file on this machine, inside the configured directories. */
  | { readonly kind: "local"; readonly path: string }
  /** A file on the SSH host: over SFTP, or with `sudo` as root through a shell. */
  | { readonly kind: "host"; readonly path: string; readonly sudo?: boolean }
  /**
   * A file that only a command on the host reaches, such as a file in a container through
   * `pct exec 101 --`. `prefix` is inserted into a shell command line as it is; `label` is for messages.
   */
  | {
    readonly kind: "shell";
    readonly prefix: string;
    readonly path: string;
    readonly label: string;
  };
