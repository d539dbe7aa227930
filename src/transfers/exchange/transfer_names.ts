import { invalidName } from "../errors.ts";

/** The folder of the bucket in which everything of the exchange lies. Nothing else is ever touched. */
export const EXCHANGE_PREFIX = "transfers/";
/** How long an object stays, whatever its address says. */
export const RETENTION_MS = 48 * 3_600_000;

const CLIENT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const OURS = /^\d{8}_\d{6}_(?:[0-9a-f]{8}_)?(.+)$/su;
/** Source: R2 limits; a key has at most 1,024 bytes. */
const LONGEST_KEY_BYTES = 1_024;
const LONGEST_FILENAME_BYTES = 255;
const encoder = new TextEncoder();

/** Who put a file there and what it is called; the parts of an object's name. */
export interface ExchangeName {
  readonly sourceClient: string;
  readonly transferId: string;
  readonly filename: string;
}

/**
 * A new transfer id: `{client}_{YYYYMMDD}_{HHMMSS}_{8 hex digits}_{filename}`, in UTC. The digits keep
 * two files of one second apart and the id unguessable.
 */
export function newTransferId(client: string, filename: string, nowMs: number): string {
  const [date, time] = new Date(nowMs).toISOString().replace(/[-:]/g, "").split(/[T.]/);
  const digits = crypto.getRandomValues(new Uint8Array(4)).toHex();
  return `${client}_${date}_${time}_${digits}_${checkFilename(filename)}`;
}

/**
 * The object's name below {@link EXCHANGE_PREFIX}.
 *
 * @throws RemoteExecError `invalid_argument` for parts that could name something else
 */
export function objectName(sourceClient: string, transferId: string): string {
  checkClient(sourceClient);
  checkSegment("transfer_id", transferId);
  if (!transferId.startsWith(`${sourceClient}_`)) {
    throw invalidName(
      "transfer_id",
      `does not begin with "${sourceClient}_"`,
      "Pass transfer_id and source_client of the same transfer, as exchange_list shows them",
    );
  }
  const name = `${sourceClient}/${transferId}`;
  if (byteLength(EXCHANGE_PREFIX + name) > LONGEST_KEY_BYTES) {
    throw invalidName("transfer_id", "is too long", "Pass it as exchange_list shows it");
  }
  return name;
}

/** The parts of a name, or undefined when it is not one of the exchange's. */
export function parseObjectName(name: string): ExchangeName | undefined {
  const slash = name.indexOf("/");
  const sourceClient = name.slice(0, Math.max(slash, 0));
  const transferId = name.slice(slash + 1);
  if (!CLIENT.test(sourceClient) || !transferId.startsWith(`${sourceClient}_`)) return undefined;
  const filename = transferId.slice(sourceClient.length + 1).match(OURS)?.[1];
  if (filename === undefined || !isSegment(transferId)) return undefined;
  return { sourceClient, transferId, filename };
}

/** @throws RemoteExecError `invalid_argument` unless it is a plain name */
export function checkClient(client: string, argument = "source_client"): string {
  if (CLIENT.test(client)) return client;
  throw invalidName(
    argument,
    "must consist of letters, digits, '.', '_' and '-' (128 at most)",
    "Pass the client's id, for example abc-123-def",
  );
}

/** @throws RemoteExecError `invalid_argument` unless it can be the last part of a path everywhere */
export function checkFilename(filename: string): string {
  checkSegment("filename", filename);
  if (byteLength(filename) <= LONGEST_FILENAME_BYTES) return filename;
  throw invalidName("filename", "is longer than 255 bytes", "Shorten the file's name");
}

function checkSegment(argument: string, text: string): void {
  if (isSegment(text)) return;
  throw invalidName(
    argument,
    "must be one plain name, without '/', control characters, and not '.' or '..'",
    `Correct ${argument}`,
  );
}

function isSegment(text: string): boolean {
  return text !== "" && text !== "." && text !== ".." && text.isWellFormed() &&
    !/[/\p{Cc}]/u.test(text);
}

const byteLength = (text: string): number => encoder.encode(text).length;
