import { RemoteExecError } from "../errors.ts";
import type { BridgeName } from "./port.ts";

interface BridgeWords {
  /** The name in messages. */
  readonly title: string;
  /** The variables that limit the size of a file. */
  readonly limit: string;
  readonly notConfigured: { readonly message: string; readonly suggestion: string };
}

/**
 * The storage services that carry bytes, in words. Each also has a driver in `worker/transfers_port.ts`,
 * variables in the configuration, and hosts in the permission table.
 */
export const BRIDGES = {
  imagekit: {
    title: "ImageKit",
    limit: "IMAGEKIT_MAX_FILE_SIZE and MAX_FILE_SIZE",
    notConfigured: {
      message: "ImageKit plugin disabled: credentials not configured",
      suggestion:
        "Set ENABLE_IMAGEKIT=true, IMAGEKIT_PUBLIC_KEY, IMAGEKIT_PRIVATE_KEY and IMAGEKIT_URL_ENDPOINT",
    },
  },
  r2: {
    title: "the R2 exchange",
    limit: "EXCHANGE_MAX_SIZE",
    notConfigured: {
      message: "Cloudflare R2 storage is not configured. Set environment variables: " +
        "R2_ACCOUNT_ID, R2_ACCESS_KEY, R2_SECRET_KEY, R2_BUCKET",
      suggestion:
        "Configure R2 credentials in the environment or the .env file and restart the server",
    },
  },
} as const satisfies Readonly<Record<BridgeName, BridgeWords>>;

export function bridgeNotConfigured(bridge: BridgeName) {
  const { message, suggestion } = BRIDGES[bridge].notConfigured;
  return new RemoteExecError("not_configured", message, suggestion);
}

/** From this difference on ImageKit refuses upload commands, whose longest life is 55 of 60 minutes. */
const MAX_SKEW_MS = 5 * 60_000;

/**
 * Returns the error for a clock that explains a failure; undefined for a clock that does not, or is not
 * known.
 *
 * @param what did not work: "Cannot list files on ImageKit"
 * @param aheadMs milliseconds by which this machine is ahead of the service
 */
export function wrongClock(
  what: string,
  bridge: BridgeName,
  aheadMs: number | undefined,
): RemoteExecError | undefined {
  if (aheadMs === undefined || Math.abs(aheadMs) < MAX_SKEW_MS) return undefined;
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  const service = bridge === "imagekit" ? "ImageKit's" : "the storage service's";
  return new RemoteExecError(
    "authentication_failed",
    `${what}: the clock of this machine is ${minutes} minutes ${
      aheadMs < 0 ? "behind" : "ahead of"
    } ${service}`,
    "Set the clock of this machine (timedatectl set-ntp true), then start again",
  );
}

/** `ctid` was passed while Proxmox is off. */
export const containersOff = () =>
  new RemoteExecError(
    "not_configured",
    "Container file transfers require Proxmox plugin to be enabled",
    "Set ENABLE_PROXMOX=true in your .env file to use container features (ctid parameter)",
  );

export const invalidName = (argument: string, problem: string, suggestion: string) =>
  new RemoteExecError("invalid_argument", `${argument} ${problem}`, suggestion);

export const fileTooLarge = (label: string, bytes: number, maxBytes: number, bridge: BridgeName) =>
  new RemoteExecError(
    "too_large",
    `${label} is too large for ${BRIDGES[bridge].title}: ${bytes} bytes, max ${maxBytes}`,
    `Raise ${BRIDGES[bridge].limit} (bytes), or transfer a smaller part of it`,
  );

/** The file changed during the transfer. */
export const sourceChanged = (label: string, seen: string) =>
  new RemoteExecError(
    "changed",
    `${label} changed while it was read: ${seen}`,
    "Try again when no program writes to the file",
  );

/** Reading failed; `seen` is the reason from the worker that reads. */
export const readFailed = (label: string, seen: string) =>
  new RemoteExecError(
    "io_error",
    `Cannot read ${label}: ${seen}`,
    "Check that the file still exists and the SSH connection works, then try again",
  );

export const transferMissing = (transferId: string) =>
  new RemoteExecError(
    "not_found",
    `Transfer ${transferId} not found: no file is stored under this id (deleted, never uploaded, or removed after 48 hours)`,
    "Call exchange_list to see what is stored; after exchange_request_upload, run the command first",
  );

/** @param when ISO time, if it is known */
export const transferExpired = (transferId: string, when: string | undefined) =>
  new RemoteExecError(
    "expired",
    `Transfer ${transferId} has expired${when === undefined ? "" : ` (${when})`}`,
    "Call exchange_share with transfer_id and source_client for a new download_url while the file is still stored",
  );

export const urlExpired = () =>
  new RemoteExecError(
    "expired",
    "The download_url has expired",
    "Call exchange_share with transfer_id and source_client for a new download_url",
  );

export const urlRefused = (problem: string) =>
  new RemoteExecError(
    "not_permitted",
    `Cannot fetch the download_url: ${problem}`,
    "Pass a download_url from exchange_upload or exchange_share, or transfer_id and source_client",
  );

export const urlInvalid = () =>
  new RemoteExecError(
    "not_permitted",
    "The service refused the download_url: its signature does not match, or it was altered",
    "Pass the download_url exactly as it was returned, or call exchange_share for a new one",
  );

/** The stored object is no longer the requested one. */
export const objectChanged = (name: string) =>
  new RemoteExecError(
    "changed",
    `${name} was replaced or removed at the storage service while it was read`,
    "Start the transfer again for the object as it is now",
  );

export const objectDamaged = (name: string) =>
  new RemoteExecError(
    "verification_failed",
    `The content of ${name} differs from what the storage service has stored, and was discarded`,
    "Try again; if it happens again, upload the file again",
  );

export const retentionOver = (transferId: string) =>
  new RemoteExecError(
    "expired",
    `Transfer ${transferId} has expired: files are kept for 48 hours`,
    "Upload the file again with exchange_upload",
  );

export const choosePath = (problem: string) =>
  new RemoteExecError(
    "invalid_argument",
    problem,
    "Pass local_path for a file on this machine, or remote_path for one on the SSH host (with ctid: in that container)",
  );

export const chooseSource = (problem: string) =>
  new RemoteExecError(
    "invalid_argument",
    problem,
    "Pass transfer_id together with source_client, or download_url alone",
  );

/** The file is larger than one PUT request may be. */
export const tooLargeForOnePut = (bytes: number, maxBytes: number) =>
  new RemoteExecError(
    "too_large",
    `${bytes} bytes are too large for one upload command: max ${maxBytes}`,
    "Split the file, or copy it to the SSH host and call exchange_upload with remote_path",
  );
