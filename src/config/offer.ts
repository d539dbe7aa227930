import { closest } from "./closest.ts";
import type { Config, OfferConfig } from "./config.ts";
import type { Report } from "./faults.ts";
import { shownValue } from "./environment.ts";
import type { Remark } from "./origin.ts";
import {
  FAMILIES,
  type Family,
  MAX_LISTED_HOSTS,
  TOOL_ROWS,
  type ToolFact,
  type ToolRow,
} from "./tool_table.ts";
import type { Values } from "./variables/variables.ts";

/** Which modules of a configuration are on. */
export type Modules = Pick<Config, "proxmox" | "imageKit" | "r2" | "hosts">;

/**
 * Returns the tools that the modules register and that READ_ONLY and TOOLS leave. Words of TOOLS that are
 * neither a tool nor a family are reported; a tool of a module that is off is no fault.
 */
export function chooseTools(
  { readOnly, tools: words = [] }: Pick<Values, "readOnly" | "tools">,
  modules: Modules,
  report: Report,
): OfferConfig {
  for (const word of words) checkWord(word, report);
  const removed = words.filter((word) => word.startsWith("-")).map((word) => word.slice(1));
  const wanted = words.filter((word) => !word.startsWith("-"));
  const offered = registeredTools(modules).filter((row) =>
    (wanted.length === 0 || isNamed(row, wanted)) && !isNamed(row, removed) &&
    (!readOnly || row.facts.includes("reads"))
  );
  return { readOnly, words, tools: offered.map(({ name }) => name) };
}

/** Returns the tools that the modules register, whatever is offered of them. */
export const registeredTools = ({ proxmox, imageKit, r2, hosts }: Modules): ToolRow[] => {
  const hasManyHosts = (hosts?.list.length ?? 0) > MAX_LISTED_HOSTS;
  const isOn: Readonly<Record<Family, boolean>> = {
    ssh: true,
    links: true,
    proxmox,
    imagekit: imageKit !== undefined,
    exchange: r2 !== undefined,
  };
  return TOOL_ROWS.filter(({ family, facts }) =>
    isOn[family] && !(isOn.imagekit && facts.includes("replaced by ImageKit")) &&
    (hosts !== undefined || !facts.includes("several hosts")) &&
    (hasManyHosts || !facts.includes("many hosts"))
  );
};

/** Reports whether an offered tool has this fact. @param families of tools of these families only */
export const offers = (
  { tools }: OfferConfig,
  fact: ToolFact,
  families: readonly Family[] = FAMILIES,
): boolean =>
  TOOL_ROWS.some(({ name, family, facts }) =>
    facts.includes(fact) && families.includes(family) && tools.includes(name)
  );

/** Reports whether a tool of this family is offered. */
export const offersFamily = ({ tools }: OfferConfig, wanted: Family): boolean =>
  TOOL_ROWS.some(({ name, family }) => family === wanted && tools.includes(name));

/** Returns the storage services that an offered tool uses. */
export function usedServices(
  { imageKit, r2, offer }: Pick<Config, "imageKit" | "r2" | "offer">,
): Pick<Config, "imageKit" | "r2"> {
  return {
    imageKit: offersFamily(offer, "imagekit") ? imageKit : undefined,
    r2: offersFamily(offer, "exchange") ? r2 : undefined,
  };
}

/** Returns what the person who starts the server should know about the offered tools. */
export function oddOffer(
  offer: OfferConfig,
  { downloadApiKey }: Pick<Values, "downloadApiKey">,
): Remark[] {
  const none: Remark = {
    level: "warning",
    message: "READ_ONLY and TOOLS leave no tool of this configuration",
    remedy: "Name other tools in TOOLS, or turn on the module that they belong to",
  };
  const noLinks: Remark = {
    level: "warning",
    message: "DOWNLOAD_API_KEY has no effect: generate_download_link is not offered",
    remedy: "Remove DOWNLOAD_API_KEY, or offer generate_download_link",
  };
  return [
    ...(offer.tools.length === 0 ? [none] : []),
    ...(downloadApiKey !== undefined && !offers(offer, "serves") ? [noLinks] : []),
  ];
}

const isNamed = ({ name, family }: ToolRow, words: readonly string[]): boolean =>
  words.includes(name) || words.includes(family);

const KNOWN: readonly string[] = [...FAMILIES, ...TOOL_ROWS.map(({ name }) => name)];

function checkWord(word: string, report: Report): void {
  const name = word.replace(/^-/, "");
  if (KNOWN.includes(name)) return;
  const meant = meantName(name);
  report(
    `TOOLS names ${shownValue(name)}, which is neither a tool nor a family`,
    meant === undefined
      ? `Correct TOOLS: name tools or the families ${FAMILIES.join(", ")}, separated by commas`
      : `Did you mean ${meant}? Correct TOOLS`,
  );
}

/** Returns the name that a word probably means: a similar one, or the first that contains it. */
function meantName(word: string): string | undefined {
  const name = word.replaceAll(/[-\s]/g, "_");
  return closest(name, KNOWN) ??
    (name.length < 4 ? undefined : KNOWN.find((known) => known.includes(name)));
}
