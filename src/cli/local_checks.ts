import type { Config } from "../config/config.ts";
import { usableHosts } from "../config/ssh/hosts.ts";
import { keyPaths } from "../config/ssh/login.ts";
import { offers } from "../config/offer.ts";
import { formatOrigin } from "../config/origin.ts";
import { errorText } from "../errors.ts";
import { hostAndPort, nameOf } from "../sandbox/permissions.ts";
import { shellWord } from "../shell/quote.ts";
import type { Check } from "../ssh/port.ts";
import type { DoctorCheck } from "./host_checks.ts";

/** Reports which file sets variables, and which names look wrong. */
export function originChecks({ origin }: Config): Check[] {
  const source = formatOrigin(origin);
  return [
    ...(source === undefined ? [] : [{ step: "variables", ok: true, detail: source }]),
    ...origin.remarks.map(({ level, message, remedy }) => ({
      step: "variables",
      ok: level === "info",
      detail: message,
      remedy,
    })),
  ];
}

/** Reports the values that come from the SSH configuration, with file and line. */
export const sshConfigChecks = (config: Config): DoctorCheck[] =>
  usableHosts(config).flatMap((ssh) =>
    [...ssh.jumps ?? [], ssh].flatMap((host): DoctorCheck[] => {
      const { sources = [] } = host;
      if (sources.length === 0) return [];
      const detail = sources.map(({ keyword, value, place }) => `${keyword} ${value} (${place})`);
      const step = host === ssh ? "SSH configuration" : `jump host ${nameOf(host)}`;
      const named = config.hosts === undefined ? {} : { host: nameOf(ssh) };
      return [{ ...named, step, ok: true, detail: detail.join("; ") }];
    })
  );

/** Checks what the server needs on this machine: directories, files, and the address of the links. */
export const localChecks = (config: Config): Check[] => [
  ...directories(config),
  ...keyFile(config),
  ...auditLog(config),
  ...(offers(config.offer, "serves") ? [...certificate(config), linkAddress(config)] : []),
];

/** The working directory must be writable if a tool writes; the others may be for reading only. */
function directories({ files: { roots, workingDirectory }, offer }: Config): Check[] {
  const isWritten = offers(offer, "local target");
  if (!isWritten && !offers(offer, "local source") && !offers(offer, "serves")) return [];
  return roots.map((root) => {
    const isWorking = root === workingDirectory;
    const step = isWorking ? "working directory" : "allowed directory";
    const name = isWorking ? "WORKING_DIRECTORY" : "ALLOWED_DIRECTORIES";
    const remedy = `Give the user that runs the server access to it, or correct ${name}`;
    return attempt(step, remedy, () => {
      for (const _ of Deno.readDirSync(root)) break;
      if (!isWritten) return `${root} can be read`;
      const fault = unwritable(root);
      if (fault === undefined) return `${root} can be read and written`;
      if (isWorking) throw new Error(`${root} cannot be written: ${fault}`);
      return `${root} can only be read: ${fault}`;
    });
  });
}

function unwritable(directory: string): string | undefined {
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: directory, prefix: ".mcp-remote-exec-" }));
    return undefined;
  } catch (error) {
    return errorText(error);
  }
}

/** This server reads a key that others may read as well; OpenSSH refuses it. */
function keyFile(config: Config): Check[] {
  if (Deno.build.os === "windows") return [];
  const hosts = usableHosts(config).flatMap((ssh) => [...ssh.jumps ?? [], ssh]);
  const paths = hosts.flatMap(({ login }) =>
    // Certificates are not secret, nor are public keys.
    keyPaths(login.kind === "keys" ? { ...login, certificates: [] } : login)
  );
  return [...new Set(paths)].filter((path) => !path.endsWith(".pub")).map((path) =>
    attempt("key file", `Run: chmod 600 ${shellWord(path)}`, () => {
      const mode = (Deno.statSync(path).mode ?? 0) & 0o777;
      const shown = `${path} has mode 0${mode.toString(8).padStart(3, "0")}`;
      if ((mode & 0o077) === 0) return shown;
      throw new Error(`${shown}: other users can use the key, and OpenSSH refuses it`);
    })
  );
}

const auditLog = ({ auditLog: path }: Config): Check[] =>
  path === undefined
    ? []
    : [attempt("audit log", "Correct AUDIT_LOG, or allow the server to write there", () => {
      Deno.openSync(path, { create: true, append: true, mode: 0o600 }).close();
      return path;
    })];

function certificate({ downloads: { tls } }: Config): Check[] {
  if (tls === undefined) return [];
  const remedy =
    "Check that DOWNLOAD_TLS_CERT and DOWNLOAD_TLS_KEY are PEM files that belong together";
  return [attempt("certificate", remedy, () => {
    const [cert, key] = [Deno.readTextFileSync(tls.certPath), Deno.readTextFileSync(tls.keyPath)];
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
    return tls.certPath;
  })];
}

/** Without DOWNLOAD_PORT, a port that is in use is not a fault: another one is used. */
function linkAddress({ downloads: { host, port, portIsFixed } }: Config): Check {
  const address = hostAndPort(host, port);
  const remedy = portIsFixed
    ? "Stop what uses DOWNLOAD_PORT (a running server does too), or set another DOWNLOAD_PORT and DOWNLOAD_HOST"
    : "Set DOWNLOAD_HOST to an IP address of this machine";
  return attempt("links", remedy, () => {
    try {
      Deno.listen({ hostname: host, port }).close();
      return `${address} is free`;
    } catch (error) {
      const isUsed = error instanceof Deno.errors.AddrInUse;
      if (isUsed && !portIsFixed) return `${address} is in use, so any free port will be used`;
      throw new Error(`${address} cannot be used: ${isUsed ? "it is in use" : errorText(error)}`);
    }
  });
}

function attempt(step: string, remedy: string, run: () => string): Check {
  try {
    return { step, ok: true, detail: run() };
  } catch (error) {
    return { step, ok: false, detail: errorText(error), remedy };
  }
}
