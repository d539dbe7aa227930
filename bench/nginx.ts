import { PeerMissing } from "./peer_missing.ts";

const NGINX = "/usr/sbin/nginx";

/** A web server that hands out one directory, with sendfile, as Debian's packages set it up. */
export interface Nginx extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
}

/** Starts nginx on a free loopback port. @throws PeerMissing */
export async function startNginx(directory: string): Promise<Nginx> {
  if (await Deno.stat(NGINX).catch(() => undefined) === undefined) {
    throw new PeerMissing("nginx (nginx-light)");
  }
  const place = await Deno.makeTempDir({ prefix: "bench_nginx_" });
  const port = freePort();
  await Deno.writeTextFile(`${place}/conf`, configuration(place, port, directory));
  const child = new Deno.Command(NGINX, {
    args: ["-p", place, "-c", `${place}/conf`, "-e", `${place}/error.log`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await answering(port);
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(place, { recursive: true });
    },
  };
}

const configuration = (place: string, port: number, directory: string): string =>
  `${Deno.uid() === 0 ? "user root;" : ""}
worker_processes auto;
daemon off;
pid ${place}/pid;
events { worker_connections 768; }
http {
  sendfile on;
  tcp_nopush on;
  access_log off;
  default_type application/octet-stream;
  client_body_temp_path ${place}/body;
  proxy_temp_path ${place}/proxy;
  fastcgi_temp_path ${place}/fastcgi;
  uwsgi_temp_path ${place}/uwsgi;
  scgi_temp_path ${place}/scgi;
  server { listen 127.0.0.1:${port}; root ${directory}; }
}
`;

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

/** Nginx has no word for "ready". */
async function answering(port: number): Promise<void> {
  const giveUpAtMs = performance.now() + 5_000;
  for (;;) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (performance.now() > giveUpAtMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
