/** What the program says when it cannot reach a storage service, with real sockets and certificates. */
import assert from "node:assert/strict";
import { startServiceWithCertificate } from "../peers/openssl_service.ts";
import { OPENSSL, peerTest } from "../peers/require.ts";
import { type Place, startPlace } from "../support/places.ts";
import { runProgram } from "../support/program.ts";
import { freePort } from "../support/free_port.ts";

const services = (url: string) => ({
  R2_ACCESS_KEY: "access",
  R2_SECRET_KEY: "secret",
  R2_BUCKET: "exchange",
  R2_ENDPOINT: url,
  ENABLE_IMAGEKIT: "true",
  IMAGEKIT_PUBLIC_KEY: "public_x",
  IMAGEKIT_PRIVATE_KEY: "private_x",
  IMAGEKIT_URL_ENDPOINT: `${url}/me`,
  IMAGEKIT_API_URL: url,
  IMAGEKIT_UPLOAD_URL: url,
});

async function doctor({ directory, env }: Place, url: string, more: Record<string, string> = {}) {
  const given = { ...env, ...services(url), ...more };
  const { stdout } = await runProgram(["doctor"], { cwd: directory, env: given });
  const remedyOf = (step: string) => new RegExp(`^FAIL ${step}[^\\n]*\\n {5}-> .*$`, "m");
  return {
    stdout,
    r2: remedyOf("R2 exchange").exec(stdout)?.[0] ?? "",
    imageKit: remedyOf("ImageKit").exec(stdout)?.[0] ?? "",
  };
}

Deno.test("doctor names a refused port and an unknown name of a storage service", async () => {
  await using place = await startPlace();
  const refused = await doctor(place, `http://127.0.0.1:${freePort()}`);
  for (const said of [refused.r2, refused.imageKit]) assert.match(said, /refused the connection/);
  assert.match(refused.r2, /-> .*R2_ENDPOINT/);
  const unknown = await doctor(place, "https://no-such-name.invalid");
  for (const said of [unknown.r2, unknown.imageKit]) {
    assert.match(said, /DNS does not know[^]*HTTPS_PROXY/);
  }
});

Deno.test("doctor names a proxy that refuses", async () => {
  await using place = await startPlace();
  for (
    const [answer, words] of [["403 Forbidden", /proxy refuses/], ["407 Login", /login/]] as const
  ) {
    await using proxy = startProxy(answer);
    const said = await doctor(place, "https://storage.example", { HTTPS_PROXY: proxy.url });
    for (const fault of [said.r2, said.imageKit]) {
      assert.match(fault, words);
      assert.match(fault, /-> .*HTTPS_PROXY/);
    }
  }
});

peerTest({
  name: "DENO_CERT makes the storage services of a private authority reachable",
  peer: OPENSSL,
  async fn() {
    await using place = await startPlace();
    await using service = await startServiceWithCertificate();
    const before = await doctor(place, service.url);
    for (const said of [before.r2, before.imageKit]) {
      assert.match(said, /authority that is not trusted[^]*-> .*DENO_CERT/);
    }
    const after = await doctor(place, service.url, { DENO_CERT: service.authority });
    assert.match(after.stdout, /^ok {3}R2 exchange/m);
    assert.match(after.stdout, /^ok {3}ImageKit/m);
  },
});

/** A proxy that answers every CONNECT with this status. */
function startProxy(status: string): AsyncDisposable & { readonly url: string } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = serve(listener, `HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

async function serve(listener: Deno.TcpListener, answer: string): Promise<void> {
  for await (const connection of listener) {
    try {
      await connection.read(new Uint8Array(4096));
      await connection.write(new TextEncoder().encode(answer));
    } finally {
      connection.close();
    }
  }
}
