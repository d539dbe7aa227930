import { invalidName } from "../errors.ts";

/** The folder of the bucket that belongs to the exchange. Nothing outside it is read or changed. */
export const EXCHANGE_PREFIX = "transfers/";
/** How long an object is stored, whatever the expiry of its URL is. */
export const RETENTION_MS = 48 * 3_600_000;

const CLIENT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const OURS = /^\d{8}_\d{6}_(?:[0-9a-f]{8}_)?(.+)$/su;
/** Source: R2 limits; a key has at most 1,024 bytes. */
const MAX_KEY_BYTES = 1_024;
const MAX_FILENAME_BYTES = 255;
const encoder = new TextEncoder();

/** The parts of an object's name. */
export interface ExchangeName {
  readonly sourceClient: string;
  readonly transferId: string;
  readonly filename: string;
}

/**
 * Returns a new transfer id: `{client}_{YYYYMMDD}_{HHMMSS}_{8 hex digits}_{filename}`, in UTC. The hex
 * digits are random: two files of the same second differ, and nobody can guess the id.
 */
export function newTransferId(client: string, filename: string, nowMs: number): string {
  const [date, time] = new Date(nowMs).toISOString().replace(/[-:]/g, "").split(/[T.]/);
  const digits = crypto.getRandomValues(new Uint8Array(4)).toHex();
  return `${client}_${date}_${time}_${digits}_${checkFilename(filename)}`;
}

/**
 * Returns the object's name below {@link EXCHANGE_PREFIX}.
 *
 * @throws RemoteExecError `invalid_argument` for parts that could name another object
 */
export function objectName(sourceClient: string, transferId: string): string {
  checkClient(sourceClient);
  checkSegment("transfer_id", transferId);
  if (!transferId.startsWith(`${sourceClient}_`)) {
    throw invalidName(
      "transfer_id",
      `does not start with "${sourceClient}_"`,
      "Pass transfer_id and source_client of the same transfer, as exchange_list shows them",
    );
  }
  const name = `${sourceClient}/${transferId}`;
  if (byteLength(EXCHANGE_PREFIX + name) > MAX_KEY_BYTES) {
    throw invalidName("transfer_id", "is too long", "Pass it as exchange_list shows it");
  }
  return name;
}

/** Returns the parts of a name, or undefined when it does not belong to the exchange. */
export function parseObjectName(name: string): ExchangeName | undefined {
  const slash = name.indexOf("/");
  const sourceClient = name.slice(0, Math.max(slash, 0));
  const transferId = name.slice(slash + 1);
  if (!CLIENT.test(sourceClient) || !transferId.startsWith(`${sourceClient}_`)) return undefined;
  const filename = transferId.slice(sourceClient.length + 1).match(OURS)?.[1];
  if (filename === undefined || !isSegment(transferId)) return undefined;
  return { sourceClient, transferId, filename };
}

/** Returns the client id. @throws RemoteExecError `invalid_argument` unless it is a plain name */
export function checkClient(client: string, argument = "source_client"): string {
  if (CLIENT.test(client)) return client;
  throw invalidName(
    argument,
    "must consist of max 128 letters, digits, '.', '_' and '-'",
    "Pass the client's id, for example abc-123-def",
  );
}

/** Returns the file name. @throws RemoteExecError `invalid_argument` unless every system accepts it */
export function checkFilename(filename: string): string {
  checkSegment("filename", filename);
  if (byteLength(filename) <= MAX_FILENAME_BYTES) return filename;
  throw invalidName("filename", "is longer than 255 bytes", "Shorten the file's name");
}

function checkSegment(argument: string, text: string): void {
  if (isSegment(text)) return;
  throw invalidName(
    argument,
    "must be a plain file name: not '.' or '..', without '/' and control characters",
    `Correct ${argument}`,
  );
}

function isSegment(text: string): boolean {
  return text !== "" && text !== "." && text !== ".." && text.isWellFormed() &&
    !/[/\p{Cc}]/u.test(text);
}

const byteLength = (text: string): number => encoder.encode(text).length;
