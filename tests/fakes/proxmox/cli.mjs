/** Command lines as PVE::CLIHandler and PVE::JSONSchema read them, and how a command ends. */
import fs from "node:fs";
import process from "node:process";

/** Ends the command: `text` goes to stderr, `code` is the exit status. */
export class Exit extends Error {
  constructor(code, text = "") {
    super(text);
    this.code = code;
  }
}

export const out = (text) => writeAll(1, text);
export const err = (text) => writeAll(2, text);

/** In full before it returns: what a stream still holds is lost when the process exits. */
function writeAll(file, text) {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(file, bytes, at);
    } catch (error) {
      if (error.code === "EPIPE") return brokenPipe();
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

let brokenPipe = () => {};

/** From now on this process dies when nobody reads what it writes, as one does by SIGPIPE. */
export function dieOfBrokenPipes() {
  brokenPipe = () => process.kill(process.pid, "SIGKILL");
}

export const fail = (text, code = 255) => {
  throw new Exit(code, `${text}\n`);
};

export const VMID = { type: "integer", format: "vmid" };
export const SNAPNAME = { type: "string", format: "configid", max: 40 };
export const BOOL = { type: "boolean" };
export const TEXT = { type: "string" };
export const integer = (minimum, maximum) => ({ type: "integer", minimum, maximum });
export const choice = (...values) => ({ type: "string", values });

const FORMATS = {
  vmid: [/^[1-9][0-9]{2,8}$/, "value does not look like a valid VM ID"],
  configid: [/^[a-z][a-z0-9_-]+$/i, (value) => `invalid configuration ID '${value}'`],
  dnsname: [
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i,
    "value does not look like a valid DNS name",
  ],
};

const BOOLEANS = new Map([
  ...["1", "on", "yes", "true"].map((word) => [word, 1]),
  ...["0", "off", "no", "false"].map((word) => [word, 0]),
]);

/** One usage line, without its newline: `pct status <vmid> [OPTIONS]`. */
export function usageLine(program, name, spec) {
  const words = Object.keys(spec.args ?? {}).map((argument) => `<${argument}>`);
  if (spec.extra) words.push(`[<${spec.extra}>]`);
  const options = Object.keys(spec.options ?? {}).length > 0 ? " [OPTIONS]" : "";
  return `${program} ${name} ${words.join(" ")}${options}`;
}

function usageBlock(program, commands, groups) {
  const lines = groups.map((names) =>
    names.map((name) =>
      commands[name].usage
        ? `       ${program} ${commands[name].usage}\n`
        : `       ${usageLine(program, name, commands[name])}\n`
    ).join("")
  );
  return `USAGE: ${program} <COMMAND> [ARGS] [OPTIONS]\n\n${lines.join("\n")}`;
}

/**
 * Finds the command of the first word; unique prefixes count.
 * Source: pve-common f665029 src/PVE/CLIHandler.pm:114-127.
 */
export function findCommand(program, commands, groups, word) {
  const usage = () => usageBlock(program, commands, groups);
  if (word === undefined) throw new Exit(255, `ERROR: no command specified\n${usage()}`);
  if (Object.hasOwn(commands, word)) return word;
  const hits = Object.keys(commands).filter((name) => name.startsWith(word));
  if (hits.length === 1) return hits[0];
  const what = hits.length > 1 ? "incomplete command" : "unknown command";
  throw new Exit(255, `ERROR: ${what} '${program} ${word}'\n${usage()}`);
}

/** `pct help`, `pct help status`, `pct help nosuch`. */
export function help(program, commands, groups, word) {
  if (word === undefined) return out(usageBlock(program, commands, groups));
  if (!Object.hasOwn(commands, word)) {
    throw new Exit(
      255,
      `ERROR: unknown command '${word}'\n${usageBlock(program, commands, groups)}`,
    );
  }
  return out(`USAGE: ${usageLine(program, word, commands[word])}\n`);
}

/**
 * Positional arguments and options of one command, checked.
 * Source: pve-common f665029 src/PVE/JSONSchema.pm:2346-2556 (the order of the checks is theirs).
 */
export function parse(program, name, spec, argv) {
  const usage = `${usageLine(program, name, spec)}\n`;
  const bad = (text, before = "") => {
    throw new Exit(255, `${before}400 ${text}\n${usage}`);
  };
  const { words, given } = readOptions(spec.options ?? {}, argv, bad);
  const values = { ...given };
  for (const argument of Object.keys(spec.args ?? {})) {
    if (words.length === 0) {
      if (spec.optional?.includes(argument)) break;
      bad("not enough arguments");
    }
    values[argument] = words.shift();
  }
  if (spec.extra) values[spec.extra] = words;
  else if (words.length > 0) bad("too many arguments");
  const types = { ...spec.args, ...spec.options };
  readBooleans(types, values, bad);
  const numbered = Object.values(types).filter((type) => type.pattern);
  const faults = Object.keys(values).sort().flatMap((key) => {
    const type = types[key] ?? numbered.find((type) => type.pattern.test(key));
    return type ? check(key, type, values) : [];
  });
  if (faults.length > 0) bad(`Parameter verification failed.\n${faults.join("\n")}`);
  return values;
}

/** A 400 answer about one parameter, as raise_param_exc makes it. */
export function badParameter(program, name, spec, parameter, text) {
  throw new Exit(
    255,
    `400 Parameter verification failed.\n${parameter}: ${text}\n${
      usageLine(program, name, spec)
    }\n`,
  );
}

function readOptions(options, argv, bad) {
  const words = [];
  const given = {};
  const rest = [...argv];
  while (rest.length > 0) {
    const word = rest.shift();
    if (word === "--") return { words: [...words, ...rest], given };
    const match = /^--?([^=-][^=]*)(?:=(.*))?$/s.exec(word);
    if (!match) {
      words.push(word);
      continue;
    }
    const key = optionName(options, match[1]);
    if (key === undefined) bad("unable to parse option", `Unknown option: ${match[1]}\n`);
    const type = options[key] ?? TEXT;
    if (match[2] !== undefined) given[key] = match[2];
    else if (type.type === "boolean") {
      given[key] = rest.length > 0 && !rest[0].startsWith("-") ? rest.shift() : "1";
    } else if (type.asks && (rest.length === 0 || rest[0].startsWith("-"))) given[key] = "";
    else if (rest.length === 0) {
      bad("unable to parse option", `Option ${match[1]} requires an argument\n`);
    } else given[key] = rest.shift();
  }
  return { words, given };
}

function optionName(options, word) {
  const names = Object.keys(options);
  const wanted = word.toLowerCase();
  const exact = names.find((name) => name.toLowerCase() === wanted);
  if (exact !== undefined) return exact;
  const hits = names.filter((name) => name.toLowerCase().startsWith(wanted));
  if (hits.length === 1) return hits[0];
  return names.find((name) => options[name].pattern?.test(word)) && word;
}

function readBooleans(types, values, bad) {
  for (const [key, value] of Object.entries(values)) {
    if (types[key]?.type !== "boolean") continue;
    const read = BOOLEANS.get(value.toLowerCase());
    if (read === undefined) bad("unable to parse boolean option");
    values[key] = read;
  }
}

function check(key, type, values) {
  const value = values[key];
  if (type.type === "integer") {
    if (!/^[+-]?\d+$/.test(value)) {
      return [`${key}: type check ('integer') failed - got '${value}'`];
    }
  }
  const format = FORMATS[type.format];
  if (format && !format[0].test(value)) {
    const text = typeof format[1] === "function" ? format[1](value) : format[1];
    return [`${key}: invalid format - ${text}\n`];
  }
  if (type.verify) return type.verify(key, value);
  if (type.max !== undefined && value.length > type.max) {
    return [`${key}: value may only be ${type.max} characters long`];
  }
  if (type.minimum !== undefined && Number(value) < type.minimum) {
    return [`${key}: value must have a minimum value of ${type.minimum}`];
  }
  if (type.maximum !== undefined && Number(value) > type.maximum) {
    return [`${key}: value must have a maximum value of ${type.maximum}`];
  }
  if (type.values && !type.values.includes(value)) {
    const list = type.values.join(", ");
    return [`${key}: value '${value}' does not have a value in the enumeration '${list}'`];
  }
  if (type.type === "integer") values[key] = Number(value);
  return [];
}
