import { COMMANDS, COMMON_OPTIONS, ENV_FILE } from "../commands.ts";
import {
  type Completed,
  formsOf,
  operandOf,
  optionsOf,
  optionsWithValue,
  valueOf,
} from "./words.ts";

/** Returns the completions for PowerShell 5 or later. */
export function powershellCompletions(): string {
  const valued = optionsWithValue();
  const first = [
    ...COMMANDS.map(({ name }) => name),
    ...[...COMMON_OPTIONS, ENV_FILE].map(({ name }) => `--${name}`),
  ];
  const values = valued.flatMap((option) =>
    formsOf(option).map((form) => `    '${form}' = ${list(valueOf(option))}`)
  );
  const options = COMMANDS.flatMap((command) =>
    [command.name, ...command.aliases].map((name) =>
      `    '${name}' = @(${optionsOf(command).map((each) => `'--${each.name}'`).join(", ")})`
    )
  );
  const operands = COMMANDS.flatMap((command) =>
    [command.name, ...command.aliases].map((name) => `    '${name}' = ${list(operandOf(command))}`)
  );
  return `# PowerShell completions for mcp-remote-exec
Register-ArgumentCompleter -Native -CommandName mcp-remote-exec -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $values = @{
${values.join("\n")}
  }
  $options = @{
${options.join("\n")}
  }
  $operands = @{
${operands.join("\n")}
  }
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { "$_" })
  $command = $null
  for ($i = 0; $i -lt $words.Count; $i++) {
    if ($values.ContainsKey($words[$i])) { $i++ }
    elseif (-not $words[$i].StartsWith('-')) { $command = $words[$i]; break }
  }
  $last = if ($words.Count -gt 0) { $words[$words.Count - 1] } else { '' }
  $candidates = if ($values.ContainsKey($last)) { $values[$last] }
    elseif ($null -eq $command) { @(${first.map((word) => `'${word}'`).join(", ")}) }
    elseif ("$wordToComplete".StartsWith('-')) { $options[$command] }
    else { $operands[$command] }
  $candidates | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`;
}

/** PowerShell itself completes file names where nothing is offered. */
function list(completed: Completed | undefined): string {
  switch (completed?.kind) {
    case "words":
    case "beginnings":
      return `@(${completed.words.map((word) => `'${word}'`).join(", ")})`;
    case "hosts":
      return "@(Select-String -Path ~/.ssh/config -Pattern '^\\s*host\\s+(.*)' -ErrorAction SilentlyContinue | " +
        "ForEach-Object { $_.Matches[0].Groups[1].Value -split '\\s+' } | Where-Object { $_ -match '^[A-Za-z0-9._-]+$' })";
    default:
      return "@()";
  }
}
