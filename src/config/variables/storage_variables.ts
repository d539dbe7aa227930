import { baseUrl, boolean, folder, integer, plainName, text } from "./parsers.ts";
import { optional, row } from "./variable.ts";

const r2Name = (name: string) => ({ aliases: [`ETPHONEHOME_${name}`] });
const DAY_SECONDS = 86_400;
const MAX_INTEGER = Number.MAX_SAFE_INTEGER;

/** The rows of the storage services in the table of variables. */
export const STORAGE_VARIABLES = {
  enableImageKit: row(
    "ImageKit",
    "ENABLE_IMAGEKIT",
    boolean,
    false,
    "true replaces the file tools with ImageKit transfers",
  ),
  imageKitPublicKey: optional(
    "ImageKit",
    "IMAGEKIT_PUBLIC_KEY",
    plainPrintable,
    "Public key of the account",
  ),
  imageKitPrivateKey: optional(
    "ImageKit",
    "IMAGEKIT_PRIVATE_KEY",
    plainPrintable,
    "Private key of the account",
    { secret: true },
  ),
  imageKitUrlEndpoint: optional(
    "ImageKit",
    "IMAGEKIT_URL_ENDPOINT",
    baseUrl,
    "URL endpoint, like https://ik.imagekit.io/your_id",
  ),
  imageKitFolder: row(
    "ImageKit",
    "IMAGEKIT_FOLDER",
    folder,
    "/mcp-remote-exec",
    "Folder for the transfer files",
  ),
  imageKitTransferTimeout: row(
    "ImageKit",
    "IMAGEKIT_TRANSFER_TIMEOUT",
    integer(1, DAY_SECONDS),
    3600,
    "Seconds that a transfer stays open; more than 3300 count as 3300",
  ),
  imageKitMaxFileSize: row(
    "ImageKit",
    "IMAGEKIT_MAX_FILE_SIZE",
    integer(1, MAX_INTEGER),
    25_000_000,
    "Max file size of the account's plan, in bytes",
  ),
  imageKitApiUrl: row(
    "ImageKit",
    "IMAGEKIT_API_URL",
    baseUrl,
    "https://api.imagekit.io",
    "Base URL of the API",
  ),
  imageKitUploadUrl: row(
    "ImageKit",
    "IMAGEKIT_UPLOAD_URL",
    baseUrl,
    "https://upload.imagekit.io",
    "Base URL for uploads",
  ),
  r2AccountId: optional(
    "R2",
    "R2_ACCOUNT_ID",
    plainName,
    "Cloudflare account ID",
    r2Name("R2_ACCOUNT_ID"),
  ),
  r2AccessKey: optional("R2", "R2_ACCESS_KEY", text, "Access key ID", r2Name("R2_ACCESS_KEY")),
  r2SecretKey: optional("R2", "R2_SECRET_KEY", text, "Secret access key", {
    secret: true,
    ...r2Name("R2_SECRET_KEY"),
  }),
  r2Bucket: optional("R2", "R2_BUCKET", plainName, "Bucket name", r2Name("R2_BUCKET")),
  r2Region: row("R2", "R2_REGION", plainName, "auto", "Region", r2Name("R2_REGION")),
  r2Endpoint: optional(
    "R2",
    "R2_ENDPOINT",
    baseUrl,
    "URL of another S3 service: https, or http on this machine",
    { shown: "from R2_ACCOUNT_ID" },
  ),
  exchangeClientId: row(
    "R2",
    "EXCHANGE_CLIENT_ID",
    plainName,
    "server",
    "Name of this server in the exchange",
  ),
  exchangeMaxSize: row(
    "R2",
    "EXCHANGE_MAX_SIZE",
    integer(1, MAX_INTEGER),
    20_000_000_000,
    "Max size of a file in the exchange, in bytes",
  ),
} as const;

function plainPrintable(value: string): string {
  return text(value.trim());
}
