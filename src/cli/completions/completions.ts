import type { Shell } from "../commands.ts";
import { bashCompletions } from "./bash.ts";
import { fishCompletions } from "./fish.ts";
import { powershellCompletions } from "./powershell.ts";
import { zshCompletions } from "./zsh.ts";

const COMPLETIONS: Readonly<Record<Shell, () => string>> = {
  bash: bashCompletions,
  zsh: zshCompletions,
  fish: fishCompletions,
  powershell: powershellCompletions,
};

/** Returns what `completions SHELL` prints. All come from the table of commands. */
export const completions = (shell: Shell): string => COMPLETIONS[shell]();
