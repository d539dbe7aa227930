/** An https service whose certificate is from an authority of its own, made with openssl. */
import { outputOf } from "../support/command.ts";

export interface PrivateService extends AsyncDisposable {
  readonly url: string;
  /** PEM file of the authority. */
  readonly authority: string;
}

/** Starts a service that answers every request with an empty list. */
export async function startServiceWithCertificate(): Promise<PrivateService> {
  const directory = await Deno.makeTempDir();
  const file = (name: string) => `${directory}/${name}`;
  const request = async (name: string, subject: string, ...more: string[]) => {
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const files = ["-subj", subject, "-keyout", file(`${name}.key`), "-out", file(`${name}.pem`)];
    await outputOf("openssl", "req", ...kind, ...files, ...more);
  };
  await request("authority", "/CN=Private authority", "-x509", "-days", "2");
  await request("server", "/CN=localhost");
  await Deno.writeTextFile(
    file("names"),
    "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
  );
  const by = ["-CA", file("authority.pem"), "-CAkey", file("authority.key"), "-CAcreateserial"];
  const files = ["-in", file("server.pem"), "-out", file("signed.pem"), "-extfile", file("names")];
  await outputOf("openssl", "x509", "-req", "-days", "2", ...by, ...files);
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    cert: await Deno.readTextFile(file("signed.pem")),
    key: await Deno.readTextFile(file("server.key")),
    onListen() {},
  }, () => Response.json([]));
  return {
    url: `https://localhost:${server.addr.port}`,
    authority: file("authority.pem"),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(directory, { recursive: true });
    },
  };
}
