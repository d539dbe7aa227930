import { closest } from "../../config/closest.ts";
import { shownValue } from "../../config/environment.ts";
import { isHostVariable, variableNames } from "../../config/variables/environment_names.ts";
import { meantVariable } from "../../config/variables/misnamed.ts";
import { RemoteExecError } from "../../errors.ts";

/** Returns the variables that `--env` gives, the last value of each. @throws RemoteExecError `configuration` */
export function givenVariables(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => {
    const [, name, value = ""] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
    if (name === undefined) {
      throw wrong(`--env takes NAME=VALUE: got ${shownValue(word)}`, "Write --env NAME=VALUE");
    }
    const names = variableNames();
    if (names.includes(name) || isHostVariable(name)) return [name, value];
    const meant = meantVariable(name, names);
    throw wrong(
      `unknown variable ${shownValue(name)}${
        meant === undefined ? "" : `; did you mean ${meant}?`
      }`,
      "Run mcp-remote-exec help variables",
    );
  }));
}

/** How a person names one host. */
const HOST = /^(?:([^@\s]+)@)?(\[[^\]\s]+\]|[^@:[\]\s]+|[0-9a-f:]*:[0-9a-f:.]*)(?::(\d+))?$/i;

/**
 * Returns the variables for the hosts: HOST, and the user and the port if they are given; HOSTS for several.
 *
 * @throws RemoteExecError `configuration`
 */
export function hostVariables(hosts: readonly string[]): Record<string, string> {
  const parsed = hosts.map(parseHost);
  const [first] = parsed;
  if (first === undefined) return {};
  if (parsed.length === 1) {
    return {
      HOST: first.host,
      ...(first.user === undefined ? {} : { SSH_USERNAME: first.user }),
      ...(first.port === undefined ? {} : { SSH_PORT: first.port }),
    };
  }
  if (parsed.some(({ user, port }) => user !== undefined || port !== undefined)) {
    throw wrong(
      "several hosts cannot have a user or a port of their own here",
      "Name them in ~/.ssh/config, and give their names",
    );
  }
  return { HOSTS: [...new Set(parsed.map(({ host }) => host))].join(",") };
}

/** Returns the parts of `[user@]host[:port]`. @throws RemoteExecError `configuration` */
export function parseHost(text: string): { user?: string; host: string; port?: string } {
  const [, user, host = "", port] = HOST.exec(text) ?? [];
  const isPort = port === undefined || Number(port) >= 1 && Number(port) <= 65_535;
  // A password in the user's place must not be shown.
  if (host === "" || !isPort || user?.includes(":") || host.startsWith("-")) {
    throw wrong(`no host: ${shownValue(text)}`, "Write HOST, HOST:PORT or USER@HOST:PORT");
  }
  return {
    ...(user === undefined ? {} : { user }),
    host: host.replace(/^\[|\]$/g, ""),
    ...(port === undefined ? {} : { port }),
  };
}

/** Returns the word of a list that was meant, for a message. */
export const suggestion = (word: string, words: readonly string[]): string => {
  const meant = closest(word.toLowerCase(), words);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
};

const wrong = (message: string, remedy: string) =>
  new RemoteExecError("configuration", message, remedy);
