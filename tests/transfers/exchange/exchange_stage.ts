import { LongCalls } from "../../../src/mcp/long_calls.ts";
import assert from "node:assert/strict";
import { RemoteExecError } from "../../../src/errors.ts";
import type { Progress, ToolContext } from "../../../src/mcp/tool.ts";
import { ExchangeService } from "../../../src/transfers/exchange/service.ts";
import { exchangeTools } from "../../../src/transfers/exchange/tools.ts";
import type { TransfersPort } from "../../../src/transfers/port.ts";
import type { R2Options } from "../../../src/transfers/worker/r2/r2_bridge.ts";
import { Transfers } from "../../../src/transfers/worker/transfers.ts";
import { createTransfersPort } from "../../../src/transfers/worker/transfers_port.ts";
import { MemoryFiles } from "../memory_files.ts";
import { type R2Rig, startR2 } from "../worker/r2/rig.ts";
import { silent } from "../worker/r2/fixture.ts";
import { assertSameFacts } from "../../support/same_facts.ts";

/** The tools of the exchange with a real S3 server, and with files in memory. */
export interface ExchangeStage extends AsyncDisposable {
  readonly rig: R2Rig;
  readonly files: MemoryFiles;
  readonly port: TransfersPort;
  readonly progress: Progress[];
  /** All answers and failures of tools, as text. */
  readonly emitted: string[];
  /** Returns the tool's data, checked with its output schema. */
  call(tool: string, args: object, signal?: AbortSignal): Promise<Record<string, unknown>>;
}

export interface StageOptions extends R2Options {
  readonly fetcher?: typeof fetch;
  /** Proxmox is off. */
  readonly containersOff?: boolean;
  readonly maxFileBytes?: number;
}

export async function startStage(options: StageOptions = {}): Promise<ExchangeStage> {
  const rig = await startR2(options, options.fetcher);
  const files = new MemoryFiles();
  const parts = { bridges: [rig.bridge], files, clock: rig.clock, logger: silent };
  const port = createTransfersPort(() => new Transfers(parts), rig.clock, () => {});
  const channel = new MessageChannel();
  const settings = {
    imageKit: undefined,
    r2: rig.config,
    sweeps: true,
    logLevel: "error",
    secrets: [],
  } as const;
  await port.configure(settings, channel.port1);
  const { maxFileBytes = rig.config.maxFileBytes } = options;
  const service = new ExchangeService({
    port,
    config: { ...rig.config, maxFileBytes },
    clock: rig.clock,
    containers: options.containersOff ? undefined : {
      endpoint: (ctid, path) => ({
        kind: "shell",
        prefix: `pct exec ${ctid} --`,
        label: String(ctid),
        path,
      }),
      problem: (_ctid, error) => Promise.resolve(error),
    },
  });
  const tools = exchangeTools(service, new LongCalls(0));
  const progress: Progress[] = [];
  const emitted: string[] = [];
  return {
    rig,
    files,
    port,
    progress,
    emitted,
    async call(name, args, signal = new AbortController().signal) {
      const tool = tools.find((each) => each.name === name);
      assert.ok(tool, name);
      const context: ToolContext = { signal, progress: (step) => void progress.push(step) };
      try {
        const { text, data } = await tool.call(args, context);
        emitted.push(text, JSON.stringify(data));
        assertSameFacts(name, text, data);
        return tool.output.parse(data) as Record<string, unknown>; // every tool returns an object
      } catch (error) {
        if (error instanceof RemoteExecError) emitted.push(error.message, error.suggestion);
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await port.close(1_000);
      channel.port1.close();
      channel.port2.close();
      await rig[Symbol.asyncDispose]();
    },
  };
}
