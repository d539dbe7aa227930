import assert from "node:assert/strict";
import { configOf, fakeMachine, faultsOf } from "../support/config.ts";
import { pure } from "../support/pure.ts";

const IMAGEKIT = {
  ENABLE_IMAGEKIT: "true",
  IMAGEKIT_PUBLIC_KEY: "public_x",
  IMAGEKIT_PRIVATE_KEY: "private_x",
  IMAGEKIT_URL_ENDPOINT: "https://ik.imagekit.io/me/",
};
const R2 = {
  R2_ACCOUNT_ID: "account",
  R2_ACCESS_KEY: "access",
  R2_SECRET_KEY: "secret",
  R2_BUCKET: "bucket",
};

pure("loadConfig() turns ImageKit on when it is enabled and complete", () => {
  assert.deepEqual(configOf(IMAGEKIT).imageKit, {
    publicKey: "public_x",
    privateKey: "private_x",
    urlEndpoint: "https://ik.imagekit.io/me",
    folder: "/mcp-remote-exec",
    transferTimeoutMs: 3_300_000,
    maxFileBytes: 10_485_760,
    apiUrl: "https://api.imagekit.io",
    uploadUrl: "https://upload.imagekit.io",
  });
});

pure("loadConfig() takes the smaller of both limits for ImageKit", () => {
  const limit = (env: Record<string, string>) =>
    configOf({ ...IMAGEKIT, ...env }).imageKit?.maxFileBytes;
  assert.equal(limit({ MAX_FILE_SIZE: "99000000" }), 25_000_000);
  assert.equal(limit({ MAX_FILE_SIZE: "99000000", IMAGEKIT_MAX_FILE_SIZE: "98" }), 98);
});

pure("loadConfig() keeps a transfer timeout from one second up to 3300", () => {
  const timeout = (seconds: string) =>
    configOf({ ...IMAGEKIT, IMAGEKIT_TRANSFER_TIMEOUT: seconds }).imageKit?.transferTimeoutMs;
  assert.equal(timeout("1"), 1000);
  assert.equal(timeout("3300"), 3_300_000);
  assert.equal(timeout("3301"), 3_300_000);
});

pure("loadConfig() leaves ImageKit off and names what is missing", () => {
  for (const name of Object.keys(IMAGEKIT).slice(1)) {
    const config = configOf({ ...IMAGEKIT, [name]: undefined });
    assert.equal(config.imageKit, undefined);
    assert.deepEqual(config.notices, [
      `ImageKit plugin disabled: credentials not configured (${name} not set)`,
    ]);
  }
});

pure("loadConfig() refuses an ImageKit URL without encryption on another machine", () => {
  for (const name of ["IMAGEKIT_URL_ENDPOINT", "IMAGEKIT_API_URL", "IMAGEKIT_UPLOAD_URL"]) {
    const faults = faultsOf({ ...IMAGEKIT, [name]: "http://imagekit.example.org" });
    assert.deepEqual(faults, [{
      message: `${name} "http://imagekit.example.org" is not encrypted: ` +
        "http is allowed only for a server on this machine",
      remedy: `Use an https URL in ${name}`,
    }]);
    for (const local of ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"]) {
      assert.ok(configOf({ ...IMAGEKIT, [name]: local }).imageKit);
    }
  }
});

pure("loadConfig() says so when ImageKit has credentials and is not enabled", () => {
  const config = configOf({ ...IMAGEKIT, ENABLE_IMAGEKIT: undefined });
  assert.equal(config.imageKit, undefined);
  assert.deepEqual(config.notices, ["ImageKit plugin disabled: ENABLE_IMAGEKIT not set to true"]);
});

pure("loadConfig() leaves R2 off and names what is missing", () => {
  for (const name of Object.keys(R2)) {
    const config = configOf({ ...R2, [name]: undefined });
    assert.equal(config.r2, undefined);
    assert.deepEqual(config.notices, [
      `R2 exchange disabled: credentials not configured (${name} not set)`,
    ]);
  }
});

pure("loadConfig() says nothing about storage services without any setting", () => {
  assert.deepEqual(configOf().notices, []);
});

pure("loadConfig() takes R2_ENDPOINT instead of the account", () => {
  const endpoint = (url: string) =>
    configOf({ ...R2, R2_ACCOUNT_ID: undefined, R2_ENDPOINT: url }).r2?.endpoint;
  assert.equal(endpoint("https://s3.example.org/"), "https://s3.example.org");
  for (const local of ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"]) {
    assert.equal(endpoint(local), local);
  }
});

pure("loadConfig() refuses an R2_ENDPOINT without encryption on another machine", () => {
  const [fault] = faultsOf({ ...R2, R2_ENDPOINT: "http://s3.example.org" });
  assert.match(fault?.message ?? "", /^R2_ENDPOINT "http:\/\/s3.example.org" is not encrypted/);
});

pure("loadConfig() requires certificate and key together, both as files", () => {
  const machine = fakeMachine({ files: ["/cert"] });
  const text = (env: Record<string, string>) => faultsOf(env, machine)[0]?.message ?? "";
  assert.match(text({ DOWNLOAD_TLS_CERT: "/cert" }), /must be set together$/);
  assert.match(text({ DOWNLOAD_TLS_KEY: "/key" }), /must be set together$/);
  assert.match(
    text({ DOWNLOAD_TLS_CERT: "/cert", DOWNLOAD_TLS_KEY: "/key" }),
    /^DOWNLOAD_TLS_KEY names "\/key", which is not a file$/,
  );
});

pure("loadConfig() keeps a configured port", () => {
  const { port, portIsFixed } = configOf({ DOWNLOAD_PORT: "9001" }).downloads;
  assert.deepEqual({ port, portIsFixed }, { port: 9001, portIsFixed: true });
});
