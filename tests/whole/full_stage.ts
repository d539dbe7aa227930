import { type FakeImageKit, startImageKit } from "../fakes/imagekit.ts";
import { type FakeProxmox, installProxmox } from "../fakes/proxmox/install.ts";
import { type FakeS3, startFakeS3 } from "../fakes/s3.ts";
import type { SshHostOptions } from "../fakes/ssh_host.ts";
import { type Place, startPlace } from "../support/places.ts";
import { type Connected, connectServer, type ToolResult } from "../support/server.ts";
import { imageKitVariables } from "./bridges.ts";

export type Args = Readonly<Record<string, unknown>>;

/** Two servers that offer every tool together: ImageKit takes the place of four that copy files. */
export interface Servers extends AsyncDisposable {
  readonly imageKit: Connected;
  readonly direct: Connected;
  /** Calls a tool of the server that offers it. The client waits at most `timeoutMs`. */
  call(tool: string, args?: Args, timeoutMs?: number): Promise<ToolResult>;
}

/** A host that is a Proxmox VE node, an exchange and an ImageKit account. */
export interface FullStage extends AsyncDisposable {
  readonly place: Place;
  readonly pve: FakeProxmox;
  readonly s3: FakeS3;
  readonly imageKit: FakeImageKit;
  /** Starts servers that use all three. */
  startServers(env?: Readonly<Record<string, string>>): Promise<Servers>;
  /** Ends all three. Nothing listens any more where they were. */
  end(): Promise<void>;
}

/** Starts all three. Containers need root and busybox. */
export async function startFullStage(host: SshHostOptions = {}): Promise<FullStage> {
  await using parts = new AsyncDisposableStack();
  const pve = await installProxmox();
  parts.defer(() => pve.close());
  const place = parts.use(await startPlace({ ...host, env: { PATH: pve.binDirectory } }));
  const s3 = startFakeS3();
  const imageKit = await startImageKit();
  let ending: Promise<unknown> | undefined;
  const end = async () => {
    const all = () => [place.host.close(), s3[Symbol.asyncDispose](), imageKit.close()];
    await (ending ??= Promise.all(all()));
  };
  parts.defer(end);
  const env = { ...place.env, ENABLE_PROXMOX: "true", ...exchangeOn(s3) };
  const rest = parts.move();
  return {
    ...{ place, pve, s3, imageKit, end },
    startServers: (more) =>
      startServers(place.directory, { ...env, ...more }, imageKitVariables(imageKit)),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

/** The variables that turn the exchange on. */
export const exchangeOn = ({ endpoint, accessKey, secretKey, region, bucket }: FakeS3) => ({
  R2_ENDPOINT: endpoint,
  R2_ACCESS_KEY: accessKey,
  R2_SECRET_KEY: secretKey,
  R2_REGION: region,
  R2_BUCKET: bucket,
});

/** Starts both servers with `env`, one of them with `imageKitOn` too. */
export async function startServers(
  cwd: string,
  env: Record<string, string>,
  imageKitOn: Record<string, string>,
): Promise<Servers> {
  await using both = new AsyncDisposableStack();
  const imageKit = both.use(await connectServer({ cwd, env: { ...env, ...imageKitOn } }));
  const direct = both.use(await connectServer({ cwd, env }));
  const { tools } = await imageKit.client.listTools();
  const names = new Set(tools.map(({ name }) => name));
  const rest = both.move();
  return {
    ...{ imageKit, direct },
    call: (tool, args, timeoutMs = 60_000) =>
      (names.has(tool) ? imageKit : direct).call(tool, { ...args }, { timeoutMs }),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}
