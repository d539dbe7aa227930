import { closest } from "../closest.ts";

/** Names that other programs use, or that people guess, by the variable that they mean. */
const MISNAMED: Readonly<Record<string, readonly string[]>> = {
  I_ACCEPT_RISKS: ["ACCEPT_RISKS", "I_ACCEPT_RISK", "I_ACCEPT_THE_RISKS"],
  HOST: ["SSH_HOST", "SSH_HOSTNAME", "SSH_SERVER", "SSH_ADDRESS", "REMOTE_HOST"],
  SSH_USERNAME: ["SSH_USER", "SSH_USER_NAME", "SSH_LOGIN", "REMOTE_USER"],
  SSH_PASSWORD: ["SSH_PASS", "SSH_PASSWD", "SSH_PWD", "SSHPASS"],
  SSH_KEY: [
    "SSH_KEY_PATH",
    "SSH_KEY_FILE",
    "SSH_KEYFILE",
    "SSH_PRIVATE_KEY",
    "SSH_PRIVATE_KEY_PATH",
    "SSH_PRIVATE_KEY_FILE",
    "SSH_PRIVATEKEY",
    "SSH_IDENTITY",
    "SSH_IDENTITY_FILE",
    "IDENTITY_FILE",
  ],
  SSH_KEY_PASSPHRASE: [
    "SSH_PASSPHRASE",
    "SSH_KEY_PASS",
    "SSH_KEY_PASSWORD",
    "SSH_PRIVATE_KEY_PASSPHRASE",
    "KEY_PASSPHRASE",
  ],
  SSH_PORT: ["SSH_HOST_PORT", "REMOTE_PORT"],
  SSH_AUTH_SOCK: ["SSH_AUTH_SOCKET", "SSH_AGENT_SOCK", "SSH_AGENT_SOCKET"],
  SSH_STRICT_HOST_KEY_CHECKING: [
    "STRICT_HOST_KEY_CHECKING",
    "SSH_STRICT_HOST_KEY",
    "SSH_STRICT_HOST_CHECKING",
    "SSH_STRICT_HOSTKEY_CHECKING",
    "SSH_HOST_KEY_CHECKING",
  ],
  SSH_KNOWN_HOSTS: [
    "SSH_KNOWN_HOSTS_FILE",
    "SSH_KNOWN_HOSTS_PATH",
    "SSH_KNOWNHOSTS",
    "KNOWN_HOSTS",
  ],
  SUDO: ["SSH_SUDO", "USE_SUDO", "ENABLE_SUDO"],
  SUDO_PASSWORD: ["SUDO_PASS", "SUDO_PASSWD", "SUDO_PWD", "SSH_SUDO_PASSWORD"],
  CHARACTER_LIMIT: ["CHAR_LIMIT", "CHARACTERS_LIMIT"],
  MAX_FILE_SIZE: ["MAX_FILESIZE", "SSH_MAX_FILE_SIZE"],
  TIMEOUT: ["SSH_TIMEOUT", "SSH_COMMAND_TIMEOUT", "COMMAND_TIMEOUT"],
  WORKING_DIRECTORY: ["WORKING_DIR", "WORKDIR", "WORK_DIR", "WORK_DIRECTORY"],
  ALLOWED_DIRECTORIES: ["ALLOWED_DIRS", "ALLOWED_DIRECTORY", "ALLOWED_PATHS"],
  AUDIT_LOG: ["AUDIT_FILE", "AUDIT_LOG_FILE", "AUDIT_LOG_PATH"],
  LOG_LEVEL: ["LOGLEVEL"],
  READ_ONLY: ["READONLY", "READ_ONLY_MODE", "SSH_READ_ONLY"],
  TOOLS: ["TOOLSETS", "ENABLED_TOOLS"],
  STRICT_START: ["STRICTSTART", "START_STRICT"],
  ENABLE_PROXMOX: ["PROXMOX_ENABLE", "PROXMOX_ENABLED"],
  ENABLE_IMAGEKIT: ["IMAGEKIT_ENABLE", "IMAGEKIT_ENABLED"],
  IMAGEKIT_URL_ENDPOINT: ["IMAGEKIT_ENDPOINT", "IMAGEKIT_URL"],
  R2_ACCESS_KEY: ["R2_ACCESS_KEY_ID"],
  R2_SECRET_KEY: ["R2_SECRET_ACCESS_KEY", "R2_SECRET"],
  R2_BUCKET: ["R2_BUCKET_NAME"],
  R2_ENDPOINT: ["R2_ENDPOINT_URL", "R2_URL"],
  DOWNLOAD_API_KEY: ["DOWNLOAD_KEY", "DOWNLOAD_TOKEN"],
  DOWNLOAD_TLS_CERT: ["DOWNLOAD_CERT", "DOWNLOAD_TLS_CERTIFICATE"],
  BASE_URL: ["DOWNLOAD_BASE_URL", "DOWNLOAD_URL"],
};

const MEANT: ReadonlyMap<string, string> = new Map(
  Object.entries(MISNAMED).flatMap(([name, others]) => others.map((other) => [other, name])),
);

/** Other names are set by other programs for their own purposes. */
const OURS = /^(SSH|SUDO|IMAGEKIT|R2|DOWNLOAD|PROXMOX|AUDIT|ALLOWED)_|ACCEPT_|^WORKING_/;

/** Names that are looked for in the environment only to say which variable is meant. */
export const misnamedNames = (): string[] =>
  [...MEANT.keys()].filter((name) => OURS.test(name) && !name.endsWith("TIMEOUT"));

/** Returns the variable that a name probably means, if any. */
export const meantVariable = (name: string, variables: readonly string[]): string | undefined =>
  MEANT.get(name.toUpperCase()) ?? closest(name.toUpperCase(), variables);
