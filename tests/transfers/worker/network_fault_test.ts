import assert from "node:assert/strict";
import { networkFault } from "../../../src/transfers/worker/network_fault.ts";
import { pure } from "../../support/pure.ts";

/** An error of fetch, as Deno 2.9.4 nests it. */
const failed = (reason: string): TypeError =>
  new TypeError("fetch failed", {
    cause: new Error(
      `error sending request for url (https://h.example/a?X-Amz-Signature=s3cret): ${reason}`,
    ),
  });

const faultOf = (reason: string) =>
  networkFault(failed(`client error (Connect): ${reason}`), "h.example", "R2_ENDPOINT");

pure("networkFault() says each cause in words, with the variable that helps", () => {
  const cases = [
    ["tcp connect error: Connection refused (os error 111)", /refused/, /R2_ENDPOINT.*HTTPS_PROXY/],
    [
      "dns error: failed to lookup address information: Name or service not known",
      /DNS does not know h\.example/,
      /R2_ENDPOINT.*HTTPS_PROXY/,
    ],
    ["invalid peer certificate: UnknownIssuer", /authority that is not trusted/, /DENO_CERT/],
    ["invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", /not trusted/, /DENO_CERT/],
    [
      'invalid peer certificate: certificate not valid for name "h.example"; certificate is only valid for x',
      /another name than h\.example/,
      /R2_ENDPOINT/,
    ],
    ["invalid peer certificate: Expired", /expired/, /clock/],
    ["invalid peer certificate: certificate not valid yet", /not valid yet/, /clock/],
    ["unsuccessful tunnel", /proxy refuses to connect to h\.example/, /NO_PROXY/],
    ["proxy authentication required", /proxy requires a login/, /HTTPS_PROXY/],
    ["received corrupt message of type InvalidContentType", /does not speak TLS/, /R2_ENDPOINT/],
  ] as const;
  for (const [reason, seen, remedy] of cases) {
    const fault = faultOf(reason);
    assert.match(fault.seen, seen);
    assert.match(fault.remedy ?? "", remedy);
  }
});

pure("networkFault() keeps an unknown reason and no URL", () => {
  const fault = faultOf("something new");
  assert.deepEqual(fault, { seen: "client error (Connect): something new" });
  assert.doesNotMatch(JSON.stringify(fault), /s3cret|https:/);
  assert.deepEqual(networkFault("text", "h", "V"), { seen: "text" });
  const circle = new Error("a");
  circle.cause = circle;
  assert.match(networkFault(circle, "h", "V").seen, /^a: a/);
});
