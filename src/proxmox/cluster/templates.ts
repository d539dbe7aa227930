import { oneLine, RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { argumentRefused, commandFailed } from "../errors.ts";
import {
  type HostAnswer,
  isRunning,
  outputOf,
  type ProxmoxHost,
  type RunningTask,
  withoutNoise,
} from "../host.ts";
import { type AvailableTemplate, parseAvailable, parseDownloadPercent } from "../parsers/pveam.ts";
import { readBack } from "../problem.ts";
import type { Storages, Volume } from "./storages.ts";

/** A template on a storage of the node. */
export interface LocalTemplate {
  /** Volume ID, such as `local:vztmpl/debian-12….tar.zst`. */
  readonly template: string;
  readonly size: number | undefined;
}

/** The templates, by name. */
export interface TemplateList {
  readonly local: readonly LocalTemplate[];
  /** Undefined if they were not asked for. */
  readonly available?: readonly AvailableTemplate[];
  /** How many appliances are left out, because there are more than a hundred. */
  readonly omitted?: number;
}

/** The systems themselves; the other sections are appliances. */
const SYSTEM = "system";

/** Lists, downloads and deletes the templates that containers are created from. */
export class Templates {
  readonly #host: ProxmoxHost;
  readonly #storages: Storages;

  constructor(host: ProxmoxHost, storages: Storages) {
    this.#host = host;
    this.#storages = storages;
  }

  /**
   * Lists the templates on the node, and those of Proxmox's index that can be downloaded: without a filter
   * only the systems. Storages that are not active are left out.
   *
   * @param filter a part of the name; case does not matter
   * @throws RemoteExecError `not_found` if the node has no index yet
   */
  async list(
    { available, filter }: { readonly available: boolean; readonly filter: string },
    context: ToolContext,
  ): Promise<TemplateList> {
    const wanted = (name: string) => name.toLowerCase().includes(filter.toLowerCase());
    const [local, index] = await Promise.all([
      this.#local(context),
      available ? this.#index(context) : undefined,
    ]);
    const found = index?.filter(({ name }) => wanted(name));
    const shown = filter === "" ? found?.filter(({ section }) => section === SYSTEM) : found;
    const omitted = (found?.length ?? 0) - (shown?.length ?? 0);
    return {
      local: local.filter(({ template }) => wanted(template)),
      ...(shown === undefined ? {} : { available: shown }),
      ...(omitted === 0 ? {} : { omitted }),
    };
  }

  /**
   * Downloads a template of the index. A long download goes on as a job.
   *
   * `pveam download` exits with 0 also when it fails, so the template must be in the list afterwards.
   * Source: pve-manager 14a22df PVE/CLI/pveam.pm:205-219, without an exit hook.
   *
   * @throws RemoteExecError `not_found` for an unknown name, `io_error` and others
   */
  async download(
    { template, storage, timeoutMs }: {
      readonly template: string;
      readonly storage: string;
      readonly timeoutMs: number;
    },
    context: ToolContext,
  ): Promise<LocalTemplate | RunningTask> {
    const action = `Downloading ${template}`;
    const answer = await this.#host.longTask(["pveam", "download", storage, template], {
      ...context,
      action,
      timeoutMs,
      progress: withPercent(context.progress),
    });
    if (isRunning(answer)) return answer;
    if (answer.code !== 0) throw downloadRefused(template, action, answer);
    const volid = `${storage}:vztmpl/${template}`;
    const found = await readBack(action, this.#find(volid, context));
    if (found === undefined) throw downloadFailed(template, withoutNoise(answer.stderr));
    return found;
  }

  /**
   * Deletes a template. Containers made from it do not need it.
   *
   * @throws RemoteExecError `not_found`, or `verification_failed` if it is still there
   */
  async remove(template: string, context: ToolContext): Promise<void> {
    const action = `Deleting ${template}`;
    if (await this.#find(template, context) === undefined) throw templateMissing(template);
    const answer = await this.#host.run(["pveam", "remove", template], { ...context, action });
    if (answer.code !== 0) throw commandFailed(action, withoutNoise(answer.stderr));
    if (await readBack(action, this.#find(template, context)) === undefined) return;
    throw new RemoteExecError(
      "verification_failed",
      `${action} was reported as done, but the template still exists`,
      "Check on the host whether its storage is read-only",
    );
  }

  async #find(
    volid: string,
    context: Pick<ToolContext, "signal">,
  ): Promise<LocalTemplate | undefined> {
    const storage = volid.split(":")[0] ?? "";
    const volumes = await this.#storages.content(storage, { kind: "vztmpl" }, context);
    return volumes.map(shown).find(({ template, size }) => template === volid && size !== 0);
  }

  async #local(context: ToolContext): Promise<LocalTemplate[]> {
    const storages = await this.#storages.list("vztmpl", context);
    const lists = await Promise.all(
      storages.filter(({ isActive }) => isActive)
        .map(({ name }) => this.#storages.content(name, { kind: "vztmpl" }, context)),
    );
    return lists.flat().map(shown).sort((a, b) => a.template < b.template ? -1 : 1);
  }

  async #index(context: ToolContext): Promise<AvailableTemplate[]> {
    const action = "Listing the available templates";
    const answer = await this.#host.run(["pveam", "available"], { ...context, action });
    const found = parseAvailable(outputOf(answer, action));
    if (found.length === 0) throw indexMissing(withoutNoise(answer.stderr));
    return found;
  }
}

const shown = ({ volid, size }: Volume): LocalTemplate => ({ template: volid, size });

/** Reports the percentage of a download, or a small step for a line that has none. */
function withPercent(progress: ToolContext["progress"]): ToolContext["progress"] {
  if (progress === undefined) return undefined;
  let last = 0;
  return ({ message = "" }) => {
    const line = message.replace(/^.*?: /, "");
    const percent = parseDownloadPercent(line);
    // Progress must grow with every notification.
    last = Math.max(last + 0.001, percent ?? 0);
    progress({ progress: last, ...(percent === undefined ? {} : { total: 100 }), message });
  };
}

const downloadRefused = (template: string, action: string, { stderr }: HostAnswer) => {
  const text = withoutNoise(stderr);
  if (/^template: no such template$/m.test(text)) {
    return new RemoteExecError(
      "not_found",
      `The index has no template "${template}"`,
      "Use proxmox_list_templates with available=true; `pveam update` on the host renews the index",
    );
  }
  const storage = /^(storage '.*' (?:does not .*|is disabled))$/mi.exec(text)?.[1];
  return argumentRefused(action, storage ?? text);
};

const downloadFailed = (template: string, found: string) =>
  new RemoteExecError(
    "io_error",
    `The template ${template} was not downloaded: ${
      found === "" ? "the program gave no reason" : oneLine(found)
    }`,
    "Check the host's network, DNS and the free space of the storage, then try again",
  );

const indexMissing = (found: string) =>
  new RemoteExecError(
    "not_found",
    `The node has no index of templates${found === "" ? "" : `: ${oneLine(found)}`}`,
    "Run `pveam update` with ssh_exec_command, then try again",
  );

/** The template is on no storage. */
export const templateMissing = (template: string) =>
  new RemoteExecError(
    "not_found",
    `The template "${template}" does not exist`,
    "Use proxmox_list_templates to see the templates, or proxmox_download_template",
  );
