import type { Report } from "./faults.ts";

/** Labels between the account and the domain of R2, for buckets of a jurisdiction. */
const JURISDICTIONS = ["eu", "fedramp", "us"];

/** Services whose address may begin with a bucket's name although it has no label `s3`. */
const BUCKET_DOMAINS =
  /^[a-z0-9-]+\.(?:digitaloceanspaces\.com|your-objectstorage\.com|linodeobjects\.com|vultrobjects\.com)$|^storage\.googleapis\.com$|^oss-[a-z0-9-]+\.aliyuncs\.com$/;

/**
 * Refuses an R2_ENDPOINT that contains the bucket. The bucket's name is appended to the endpoint, so files
 * would be stored where listing, removal and the bucket's own rules do not look.
 */
export function checkBucketFree(endpoint: string, bucket: string, report: Report): void {
  const url = new URL(endpoint);
  const path = bucketInPath(url, bucket);
  if (path !== undefined) {
    const rest = `${url.origin}${url.pathname.slice(0, -path.length)}`.replace(/\/$/, "");
    return refuse(`the path "${path}"`, rest, report);
  }
  const host = bucketInHost(url.hostname, bucket.toLowerCase());
  if (host === undefined) return;
  refuse(`"${host}."`, endpoint.replace(`//${host}.`, "//"), report);
}

function refuse(part: string, rest: string, report: Report): void {
  report(
    `R2_ENDPOINT contains a bucket: ${part}`,
    `Remove it, R2_BUCKET names the bucket: R2_ENDPOINT=${rest}`,
  );
}

/** Returns the path's part to be removed. Other services may be below a path of their own. */
function bucketInPath({ hostname, pathname }: URL, bucket: string): string | undefined {
  const path = pathname.replace(/\/+$/, "");
  if (path === "") return undefined;
  if (isR2(hostname) || isAmazon(hostname)) return path;
  // The keys of our objects begin with "transfers/".
  const end = /\/[^/]+(?:\/transfers)?$/.exec(path)?.[0] ?? "";
  return decoded(end.split("/")[1] ?? "") === bucket.toLowerCase() ? end : undefined;
}

/** Returns the labels of the host's name to be removed. */
function bucketInHost(hostname: string, bucket: string): string | undefined {
  if (isR2(hostname)) {
    const labels = hostname.slice(0, -".r2.cloudflarestorage.com".length).split(".");
    const own = JURISDICTIONS.includes(labels.at(-1) ?? "") ? 2 : 1;
    return labels.length > own ? labels.slice(0, -own).join(".") : undefined;
  }
  if (isAmazon(hostname)) return /^(.+)\.s3[.-]/.exec(hostname)?.[1];
  if (!hostname.startsWith(`${bucket}.`)) return undefined;
  const rest = hostname.slice(bucket.length + 1);
  return /^s3[.-]/.test(rest) || BUCKET_DOMAINS.test(rest) ? bucket : undefined;
}

const isR2 = (hostname: string): boolean => hostname.endsWith(".r2.cloudflarestorage.com");
const isAmazon = (hostname: string): boolean => /\.amazonaws\.com(?:\.cn)?$/.test(hostname);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).toLowerCase();
  } catch {
    return text;
  }
}
