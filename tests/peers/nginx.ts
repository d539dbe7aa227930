import { type Peer, peer } from "./require.ts";
import { freePort, untilListening } from "../support/free_port.ts";

const PATH = "/usr/sbin/nginx";

/** Debian's nginx, as a reference for the speed of downloads. */
export const NGINX: Peer = peer("nginx", PATH);

/** A running nginx. Close it, because it owns processes and a directory. */
export interface Nginx extends AsyncDisposable {
  /** URL of the served directory, with a final slash. */
  readonly url: string;
}

/** Serves a directory on a free loopback port with `sendfile`, its fastest way. */
export const startNginx = (directory: string): Promise<Nginx> =>
  start((port) => `listen 127.0.0.1:${port}; root ${directory};`);

/** Passes all requests on to another server with nginx's defaults: it buffers, and speaks HTTP/1.0. */
export const startNginxProxy = (upstream: string): Promise<Nginx> =>
  start((port) => `listen 127.0.0.1:${port}; location / { proxy_pass ${upstream}; }`);

async function start(server: (port: number) => string): Promise<Nginx> {
  const scratch = await Deno.makeTempDir({ prefix: "nginx_" });
  const port = freePort();
  const config = `${scratch}/nginx.conf`;
  await Deno.writeTextFile(config, configOf(scratch, server(port)));
  const child = new Deno.Command(PATH, {
    args: ["-c", config, "-e", `${scratch}/error.log`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}/`;
  await untilListening(port, child.status);
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(scratch, { recursive: true });
    },
  };
}

function configOf(scratch: string, server: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${scratch}/${name};`).join(" ");
  // Otherwise root's workers run as nobody, who may not read the directory.
  const user = Deno.uid() === 0 ? "user root; " : "";
  return `${user}worker_processes 1; daemon off; pid ${scratch}/nginx.pid;
events { worker_connections 64; }
http { sendfile on; tcp_nopush on; access_log off; ${temporary}
server { ${server} } }
`;
}
