import { posix } from "node:path";
// @ts-types="@types/ssh2"
import type { Attributes } from "ssh2";
import { printable, RemoteExecError } from "../../../../errors.ts";
import type { ContentOutcome, ContentRequest } from "../../../text/port.ts";
import { cancelling } from "../../../../async/cancelling.ts";
import { copy } from "../copy.ts";
import type { HostAccess } from "../host_files.ts";
import { openHostSink } from "../host_sink.ts";
import { isMissing, statPath } from "../sftp/limited_sftp.ts";
import { changedMeanwhile, missingOr, parentOr } from "../remote_file_errors.ts";
import type { Sink, Source } from "../source_sink.ts";
import type { Sftp } from "../sftp/sftp.ts";
import { sftpSha256 } from "./content.ts";

/** Writes a file over SFTP. Without a shell, ACLs are not known and no check can run. */
export async function sftpWrite(
  access: HostAccess,
  path: string,
  request: ContentRequest,
  signal: AbortSignal,
  stallMs: number,
): Promise<ContentOutcome> {
  if (request.check !== undefined) throw noCheck();
  const { bytes, expectSha256: expected } = request;
  const verify = () => requireContent(access, path, expected, cancelling(signal));
  await verify();
  const old = await found(access.sftp, path);
  const isNew = old === undefined;
  if (request.parents && isNew) await makeParents(access.sftp, path);
  let sink: Sink | undefined;
  const options = {
    overwrite: request.overwrite,
    mode: request.mode,
    ...(expected === undefined ? {} : { beforeRename: verify }),
  };
  const copied = await copy(
    sourceOf(bytes, path),
    async () => sink = await openHostSink(access, path, options),
    {
      maxBytes: bytes.length,
      stallMs,
      signal,
      progress: undefined,
      sha256: undefined,
    },
  );
  const now = isNew ? undefined : await found(access.sftp, path).catch(() => undefined);
  const isForeign = now !== undefined && (now.uid !== old?.uid || now.gid !== old?.gid);
  return {
    sha256: copied.sha256,
    verified: copied.verified,
    path: sink?.path ?? path,
    created: isNew,
    mode: sink?.keptMode,
    lost: [
      ...sink?.keptMode === undefined ? [] : ["mode" as const],
      ...isForeign ? ["owner" as const] : [],
    ],
    isKept: true,
  };
}

const sourceOf = (bytes: Uint8Array, path: string): Source => ({
  size: bytes.length,
  path,
  async *chunks() {
    if (bytes.length > 0) yield await Promise.resolve(bytes);
  },
  close: () => Promise.resolve(),
});

async function requireContent(
  access: HostAccess,
  path: string,
  expected: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (expected === undefined) return;
  const sha256 = await sftpSha256(access, path, signal).catch((error) => {
    throw error instanceof RemoteExecError && error.code === "not_found"
      ? changedMeanwhile(path)
      : error;
  });
  if (sha256 !== expected) throw changedMeanwhile(path);
}

const found = (sftp: Sftp, path: string): Promise<Attributes | undefined> =>
  statPath(sftp, path).catch((error) => {
    if (isMissing(error)) return undefined;
    throw missingOr("write", path, error);
  });

async function makeParents(sftp: Sftp, path: string): Promise<void> {
  const parent = posix.dirname(path);
  if (parent === "." || parent === "/" || await found(sftp, parent)) return;
  await makeParents(sftp, parent);
  await sftp.makeDirectory(parent).catch((error) => {
    throw parentOr(path, error);
  });
}

const noCheck = () =>
  new RemoteExecError(
    "unsupported",
    `The host runs no commands for this login (${printable("SFTP only")}), so no check can run`,
    "Leave check out",
  );
