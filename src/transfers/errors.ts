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

/** A container path was given and Proxmox is off. */
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
    `${label} is too large for ${BRIDGES[bridge].title}: ${bytes} bytes, ${maxBytes} at most`,
    `Raise ${BRIDGES[bridge].limit} (bytes), or transfer a smaller part of it`,
  );

/** The file was not what it had been a moment before. */
export const sourceChanged = (label: string, seen: string) =>
  new RemoteExecError(
    "changed",
    `${label} changed while it was read: ${seen}`,
    "Try again when nothing writes to the file",
  );

/** Reading broke off; the text comes from the module that reads. */
export const readFailed = (label: string, seen: string) =>
  new RemoteExecError(
    "io_error",
    `Cannot read ${label}: ${seen}`,
    "Check that the file is still there and the SSH connection stands, then try again",
  );

export const transferMissing = (transferId: string) =>
  new RemoteExecError(
    "not_found",
    `Transfer ${transferId} not found: nothing is stored under this id (deleted, never uploaded, or gone after 48 hours)`,
    "Call exchange_list to see what is there; after exchange_request_upload, run the command first",
  );

/** @param when ISO time, when it is known */
export const transferExpired = (transferId: string, when: string | undefined) =>
  new RemoteExecError(
    "expired",
    `Transfer ${transferId} has expired${when === undefined ? "" : ` (${when})`}`,
    "Call exchange_share with transfer_id and source_client for a fresh download_url, while the file is still there",
  );

export const urlExpired = () =>
  new RemoteExecError(
    "expired",
    "The download_url has expired",
    "Call exchange_share with transfer_id and source_client for a fresh download_url",
  );

export const urlRefused = (problem: string) =>
  new RemoteExecError(
    "not_permitted",
    `The download_url was not fetched: ${problem}`,
    "Pass a download_url from exchange_upload or exchange_share, or transfer_id and source_client",
  );

export const urlInvalid = () =>
  new RemoteExecError(
    "not_permitted",
    "The service refused the download_url: its signature does not fit, or it was altered",
    "Pass the download_url exactly as it was given, or call exchange_share for a fresh one",
  );

/** The object at hand is no longer the one that was asked for. */
export const objectChanged = (name: string) =>
  new RemoteExecError(
    "changed",
    `${name} was replaced or removed on the bridge while it was read`,
    "Call the tool again for the object as it is now",
  );

export const objectDamaged = (name: string) =>
  new RemoteExecError(
    "verification_failed",
    `The content of ${name} does not equal what the bridge has stored, and was discarded`,
    "Try again; if it happens again, upload the file anew",
  );

export const retentionOver = (transferId: string) =>
  new RemoteExecError(
    "expired",
    `Transfer ${transferId} is over: files are kept for 48 hours`,
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

/** One PUT cannot carry it. */
export const tooLargeForOnePut = (bytes: number, maxBytes: number) =>
  new RemoteExecError(
    "too_large",
    `${bytes} bytes are too large for one upload by command: ${maxBytes} at most`,
    "Split the file, or put it on the SSH host and call exchange_upload with remote_path",
  );
