#!/usr/bin/env node
// Runs the executable that npm has installed for this system. It is the `bin` of the npm package, and plain JavaScript
// for any Node that npm runs on.
"use strict";
const { spawn } = require("node:child_process");
const { dirname, join } = require("node:path");

const { name, version, optionalDependencies } = require("./package.json");
const SYSTEMS = { linux: "linux", darwin: "macos", win32: "windows" };
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

main();

function main() {
  const wanted = `${name}-${SYSTEMS[process.platform] || process.platform}-${process.arch}`;
  const path = executablePath(wanted);
  if (path === undefined) return;
  // Before the start: a signal that came right after it would end this process only, and the program would go on.
  // A terminal sends Ctrl-C to both; the program treats a second one like the first.
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  const child = spawn(path, process.argv.slice(2), { stdio: "inherit", windowsHide: true });
  child.on("error", (error) => fail(`cannot start ${path}: ${error.message}`, hint(error)));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    for (const each of SIGNALS) process.removeAllListeners(each);
    process.kill(process.pid, signal);
  });
}

function executablePath(wanted) {
  if (optionalDependencies[wanted] === undefined) {
    const systems = Object.keys(optionalDependencies).join(", ");
    fail(`there is no executable for ${process.platform} ${process.arch}, only ${systems}`);
    return undefined;
  }
  try {
    const folder = dirname(require.resolve(`${wanted}/package.json`));
    return join(folder, "bin", process.platform === "win32" ? `${name}.exe` : name);
  } catch {
    fail(
      `the package ${wanted} is not installed`,
      `Run npm install without --omit=optional, on this system (Linux with glibc), or add ${wanted}@${version}`,
    );
    return undefined;
  }
}

function hint({ code }) {
  return process.platform === "linux" && code === "ENOENT"
    ? "The executable needs glibc, which Alpine Linux and other systems with musl do not have"
    : "Reinstall the package, and check that its directory allows programs";
}

function fail(message, remedy) {
  process.exitCode = 1;
  process.stderr.write(`${name}: ${message}\n${remedy === undefined ? "" : `  -> ${remedy}\n`}`);
}
