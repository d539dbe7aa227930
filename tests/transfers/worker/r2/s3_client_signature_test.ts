import assert from "node:assert/strict";
import { AwsV4Signer } from "aws4fetch";
import { pure } from "../../../support/pure.ts";

pure("AwsV4Signer computes the signature of the vendor's example", async () => {
  // Source: Amazon S3 API reference, "Authenticating Requests: Using Query Parameters".
  const signer = new AwsV4Signer({
    url: "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Expires=86400",
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    service: "s3",
    region: "us-east-1",
    datetime: "20130524T000000Z",
    signQuery: true,
    allHeaders: true,
  });
  assert.equal(
    (await signer.sign()).url.searchParams.get("X-Amz-Signature"),
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
});
