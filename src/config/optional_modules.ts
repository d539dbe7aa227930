import { RemoteExecError } from "../errors.ts";
import type { DownloadsConfig, ImageKitConfig, R2Config } from "./config.ts";
import { attempt, type Report } from "./faults.ts";
import { shownValue } from "./environment.ts";
import { expandPath, type Machine } from "./paths.ts";
import { checkBucketFree } from "./r2_endpoint.ts";
import type { Values } from "./variables/variables.ts";

const DEFAULT_LINK_PORT = 8000;
/** ImageKit refuses an upload token that is valid for an hour or more; the rest allows for clock differences. */
const MAX_TOKEN_SECONDS = 3300;

/** The two storage services, each only if it is complete. An incomplete one is off, and a notice names what is missing. */
export function storageConfig(values: Values, report: Report): {
  imageKit: ImageKitConfig | undefined;
  r2: R2Config | undefined;
  notices: string[];
} {
  const notices: string[] = [];
  const imageKit = imageKitConfig(values, notices, report);
  const r2 = r2Config(values, notices, report);
  return { imageKit, r2, notices };
}

/** Returns the settings of the download links. */
export function downloadsConfig(values: Values, machine: Machine, report: Report): DownloadsConfig {
  return {
    host: values.downloadHost,
    port: values.downloadPort ?? DEFAULT_LINK_PORT,
    portIsFixed: values.downloadPort !== undefined,
    baseUrl: values.downloadBaseUrl,
    sessionId: values.downloadSessionId ?? crypto.randomUUID(),
    apiKey: values.downloadApiKey,
    maxBytes: values.downloadMaxSize,
    tls: tlsFiles(values, machine, report),
    bindAddress: values.downloadBindIp,
    ...(values.linkSender === undefined ? {} : { sender: values.linkSender }),
  };
}

function tlsFiles(values: Values, machine: Machine, report: Report): DownloadsConfig["tls"] {
  const { downloadTlsCert: cert, downloadTlsKey: key } = values;
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    report(
      "DOWNLOAD_TLS_CERT and DOWNLOAD_TLS_KEY must be set together",
      "Set both to PEM files, or neither for http",
    );
    return undefined;
  }
  const certPath = attempt(report, () => pemFile("DOWNLOAD_TLS_CERT", cert, machine));
  const keyPath = attempt(report, () => pemFile("DOWNLOAD_TLS_KEY", key, machine));
  return certPath && keyPath ? { certPath, keyPath } : undefined;
}

function pemFile(name: string, value: string, machine: Machine): string {
  const path = expandPath(value, machine);
  if (machine.kind(path) === "file") return machine.realPath(path);
  throw new RemoteExecError(
    "configuration",
    `${name} names ${shownValue(value)}, which is not a file`,
    `Correct ${name}`,
  );
}

function imageKitConfig(
  values: Values,
  notices: string[],
  report: Report,
): ImageKitConfig | undefined {
  const credentials = {
    IMAGEKIT_PUBLIC_KEY: values.imageKitPublicKey,
    IMAGEKIT_PRIVATE_KEY: values.imageKitPrivateKey,
    IMAGEKIT_URL_ENDPOINT: values.imageKitUrlEndpoint,
  };
  const missing = missingNames(credentials);
  if (!values.enableImageKit) {
    if (missing.length < 3) {
      notices.push("ImageKit plugin disabled: ENABLE_IMAGEKIT not set to true");
    }
    return undefined;
  }
  const {
    imageKitPublicKey: publicKey,
    imageKitPrivateKey: privateKey,
    imageKitUrlEndpoint: urlEndpoint,
  } = values;
  if (!publicKey || !privateKey || !urlEndpoint) {
    notices.push(incomplete("ImageKit plugin", missing));
    return undefined;
  }
  checkEncrypted("IMAGEKIT_URL_ENDPOINT", urlEndpoint, report);
  checkEncrypted("IMAGEKIT_API_URL", values.imageKitApiUrl, report);
  checkEncrypted("IMAGEKIT_UPLOAD_URL", values.imageKitUploadUrl, report);
  checkBase("IMAGEKIT_API_URL", values.imageKitApiUrl, report);
  checkBase("IMAGEKIT_UPLOAD_URL", values.imageKitUploadUrl, report);
  return {
    publicKey,
    privateKey,
    urlEndpoint,
    folder: values.imageKitFolder,
    transferTimeoutMs: Math.min(values.imageKitTransferTimeout, MAX_TOKEN_SECONDS) * 1000,
    maxFileBytes: Math.min(values.imageKitMaxFileSize, values.maxFileSize),
    apiUrl: values.imageKitApiUrl,
    uploadUrl: values.imageKitUploadUrl,
  };
}

function r2Config(values: Values, notices: string[], report: Report): R2Config | undefined {
  const { r2AccountId, r2AccessKey: accessKey, r2SecretKey: secretKey, r2Bucket: bucket } = values;
  const endpoint = values.r2Endpoint ??
    (r2AccountId && `https://${r2AccountId}.r2.cloudflarestorage.com`);
  const missing = missingNames({
    R2_ACCOUNT_ID: endpoint,
    R2_ACCESS_KEY: accessKey,
    R2_SECRET_KEY: secretKey,
    R2_BUCKET: bucket,
  });
  if (missing.length === 4) return undefined;
  if (!accessKey || !secretKey || !bucket || !endpoint) {
    notices.push(incomplete("R2 exchange", missing));
    return undefined;
  }
  checkEncrypted("R2_ENDPOINT", endpoint, report);
  checkBucketFree(endpoint, bucket, report);
  return {
    accessKey,
    secretKey,
    bucket,
    region: values.r2Region,
    endpoint,
    clientId: values.exchangeClientId,
    maxFileBytes: values.exchangeMaxSize,
  };
}

const incomplete = (service: string, missing: readonly string[]): string =>
  `${service} disabled: credentials not configured (${
    missing.map((name) => `${name} not set`).join(", ")
  })`;

function missingNames(values: Record<string, string | undefined>): string[] {
  return Object.entries(values).filter(([, value]) => !value).map(([name]) => name);
}

/** The paths of ImageKit's API are appended to the URL. */
function checkBase(name: string, url: string, report: Report): void {
  const path = /(?:\/api)?\/v[12](?:\/.*)?$/.exec(url)?.[0];
  if (path === undefined) return;
  report(
    `${name} contains the path "${path}" of an API`,
    `Remove it: ${name}=${url.slice(0, -path.length)}`,
  );
}

/** Credentials and signed URLs are sent there. */
function checkEncrypted(name: string, url: string, report: Report): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === "https:" || ["127.0.0.1", "localhost", "[::1]"].includes(hostname)) return;
  report(
    `${name} ${
      shownValue(url)
    } is not encrypted: http is allowed only for a server on this machine`,
    `Use an https URL in ${name}`,
  );
}
