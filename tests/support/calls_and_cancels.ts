import assert from "node:assert/strict";
import { isAlive } from "../fakes/ssh_host_client.ts";

/** A call's answer, as every client returns it. */
interface Answer {
  readonly isError?: boolean | undefined;
  readonly structuredContent?: unknown;
}

interface Options {
  readonly signal: AbortSignal;
  readonly onprogress: (step: { message?: string | undefined }) => void;
}

/** A connected client of any kind. */
export interface AnyClient {
  listTools(): Promise<{ tools: readonly { readonly name: string }[] }>;
  call(params: ReturnType<typeof exec>, options?: Options): Promise<Answer>;
}

/**
 * Lists the tools of the real server, calls one, gets a failure with its code, and cancels a call after its
 * first progress: its process ends on the host. Returns when all of that has happened.
 */
export async function callsAndCancels(client: AnyClient): Promise<void> {
  const { tools } = await client.listTools();
  assert.ok(tools.some(({ name }) => name === "ssh_exec_command"));
  const { structuredContent } = await client.call(exec({ command: "echo out; exit 3" }));
  assert.deepEqual(pick(structuredContent, "stdout", "exit_code"), ["out\n", 3]);
  const refused = await client.call(exec({ shell: "sh" }));
  assert.equal(refused.isError, true);
  assert.deepEqual(pick(refused.structuredContent, "code"), ["invalid_argument"]);
  await cancels(client);
}

async function cancels(client: AnyClient): Promise<void> {
  const controller = new AbortController();
  const started = Promise.withResolvers<number>();
  const call = client.call(exec({ command: "echo $$; exec sleep 300" }), {
    signal: controller.signal,
    onprogress: ({ message }) => {
      const pid = Number(message?.split("\n")[1]);
      if (pid > 0) started.resolve(pid);
    },
  });
  call.catch(started.reject);
  const pid = await started.promise;
  controller.abort();
  await assert.rejects(call);
  await client.call(exec({ command: `while kill -0 ${pid} 2>/dev/null; do sleep 0.05; done` }));
  assert.equal(isAlive(pid), false);
}

const exec = (args: Record<string, string>) => ({ name: "ssh_exec_command", arguments: args });

function pick(data: unknown, ...names: string[]): unknown[] {
  assert.ok(typeof data === "object" && data !== null);
  const fields = new Map(Object.entries(data));
  return names.map((name) => fields.get(name));
}
