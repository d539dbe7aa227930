import type { FakeImageKit } from "../fakes/imagekit.ts";
import type { S3Peer } from "../peers/s3.ts";

/** The bucket that {@linkcode exchangeVariables} names. */
export const BUCKET = "exchange";

/** The variables that turn ImageKit on. */
export const imageKitVariables = (fake: FakeImageKit): Record<string, string> => ({
  ENABLE_IMAGEKIT: "true",
  IMAGEKIT_PUBLIC_KEY: fake.publicKey,
  IMAGEKIT_PRIVATE_KEY: fake.privateKey,
  IMAGEKIT_URL_ENDPOINT: fake.urlEndpoint,
  IMAGEKIT_API_URL: fake.apiUrl,
  IMAGEKIT_UPLOAD_URL: fake.uploadUrl,
});

/** The variables that turn the exchange on. */
export const exchangeVariables = (s3: S3Peer): Record<string, string> => ({
  R2_ENDPOINT: s3.endpoint,
  R2_ACCESS_KEY: s3.accessKey,
  R2_SECRET_KEY: s3.secretKey,
  R2_REGION: s3.region,
  R2_BUCKET: BUCKET,
});
