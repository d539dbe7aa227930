import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
// @ts-types="@types/ssh2"
import type { ServerChannel } from "ssh2";
import { ChannelOutput } from "./ssh_host_exec.ts";
import type { SftpFaults } from "./ssh_host_faults.ts";
import {
  absolute,
  diskFields,
  makeDirectory,
  realPath,
  Refusal,
  removeFile,
  renameWithoutReplacing,
  setFileAttributes,
  setPathAttributes,
  statusOf,
  systemFlags,
} from "./ssh_host_files.ts";
import * as wire from "./ssh_host_sftp_wire.ts";
import { type PacketReader, SFTP, type SftpAttributes, STATUS } from "./ssh_host_sftp_wire.ts";

/** The environment of an SFTP session. `cut` ends its connection abruptly. */
export interface SftpSessionOptions {
  readonly directory: string;
  readonly faults: SftpFaults;
  readonly cut: () => void;
  readonly signal: AbortSignal;
}

interface Handle {
  readonly path: string;
  /** Undefined for a directory. */
  readonly fd?: number;
  readonly entries?: string[];
}

/** Max size of a read or write request. Source: OpenSSH 9.2, `limits@openssh.com` of sftp-server. */
const MAX_PACKET = 256 * 1024;
const MAX_CONTENT = MAX_PACKET - 1024;
const EXTENSIONS = {
  "posix-rename@openssh.com": "1",
  "statvfs@openssh.com": "2",
  "fstatvfs@openssh.com": "2",
  "hardlink@openssh.com": "1",
  "fsync@openssh.com": "1",
  "limits@openssh.com": "1",
};

/**
 * Serves SFTP version 3 on an accepted channel until its client has finished, one request after
 * the other in their order, as sftp-server does. Written without ssh2's own SFTP server, which
 * cannot announce extensions.
 */
export async function serveSftp(channel: ServerChannel, options: SftpSessionOptions) {
  const output = new ChannelOutput(channel);
  const session = new SftpSession(options);
  options.signal.addEventListener("abort", () => output.close());
  try {
    const source = channel.iterator({ destroyOnReturn: false });
    for await (const request of wire.readPackets(source)) {
      const reply = await session.answer(request);
      if (options.signal.aborted) break;
      await output.write(channel, reply);
    }
    output.exit(0, null);
  } catch (error) {
    // A malformed packet ends sftp-server with status 255; an aborted delay is not reported.
    if (!options.signal.aborted) output.exit(255, null);
    if (!(error instanceof RangeError) && !options.signal.aborted) throw error;
  } finally {
    session.close();
    channel.end();
  }
}

class SftpSession {
  readonly #options: SftpSessionOptions;
  readonly #handles = new Map<number, Handle>();
  #lastHandle = -1;

  constructor(options: SftpSessionOptions) {
    this.#options = options;
  }

  close(): void {
    for (const { fd } of this.#handles.values()) if (fd !== undefined) fs.closeSync(fd);
    this.#handles.clear();
  }

  async answer(request: PacketReader): Promise<Buffer> {
    const type = request.byte();
    if (type === SFTP.INIT) return this.#version();
    const id = request.uint32();
    try {
      return await this.#run(type, id, request);
    } catch (error) {
      if (error instanceof RangeError || this.#options.signal.aborted) throw error;
      return wire.statusReply(id, statusOf(error));
    }
  }

  #version(): Buffer {
    const { "posix-rename@openssh.com": posixRename, ...others } = EXTENSIONS;
    if (this.#options.faults.active.refusePosixRename === true) return wire.versionReply(others);
    return wire.versionReply({ "posix-rename@openssh.com": posixRename, ...others });
  }

  #run(type: number, id: number, request: PacketReader): Buffer | Promise<Buffer> {
    const { directory } = this.#options;
    switch (type) {
      case SFTP.OPEN:
        return this.#open(id, this.#path(request), request.uint32(), request.attributes());
      case SFTP.CLOSE:
        return this.#close(id, request);
      case SFTP.READ:
        return this.#read(id, this.#file(request), request.uint64(), request.uint32());
      case SFTP.WRITE:
        return this.#write(id, this.#file(request), request.uint64(), request.bytes());
      case SFTP.STAT:
        return wire.attributesReply(id, fs.statSync(this.#path(request)));
      case SFTP.LSTAT:
        return wire.attributesReply(id, fs.lstatSync(this.#path(request)));
      case SFTP.FSTAT:
        return wire.attributesReply(id, fs.fstatSync(this.#file(request)));
      case SFTP.OPENDIR:
        return this.#openDirectory(id, this.#path(request));
      case SFTP.READDIR:
        return this.#readDirectory(id, this.#handle(request));
      case SFTP.REALPATH:
        return wire.namesReply(id, [{ name: realPath(this.#path(request) || directory) }]);
      case SFTP.READLINK:
        return wire.namesReply(id, [{ name: fs.readlinkSync(this.#path(request)) }]);
      case SFTP.EXTENDED:
        return this.#extended(id, request.text(), request);
      default:
        this.#change(type, request);
        return wire.statusReply(id, STATUS.OK);
    }
  }

  #change(type: number, request: PacketReader): void {
    switch (type) {
      case SFTP.SETSTAT:
        return setPathAttributes(this.#path(request), request.attributes());
      case SFTP.FSETSTAT:
        return setFileAttributes(this.#file(request), request.attributes());
      case SFTP.REMOVE:
        return removeFile(this.#path(request));
      case SFTP.MKDIR:
        return makeDirectory(this.#path(request), request.attributes());
      case SFTP.RMDIR:
        return fs.rmdirSync(this.#path(request));
      case SFTP.RENAME:
        if (this.#options.faults.active.refuseRename === true) throw new Refusal(STATUS.FAILURE);
        return renameWithoutReplacing(this.#path(request), this.#path(request));
      case SFTP.SYMLINK:
        // OpenSSH swaps target and link compared with the draft.
        return fs.symlinkSync(request.text(), this.#path(request));
      default:
        throw new Refusal(STATUS.OP_UNSUPPORTED);
    }
  }

  #extended(id: number, name: string, request: PacketReader): Buffer {
    switch (name) {
      case "posix-rename@openssh.com":
        if (this.#options.faults.active.refusePosixRename === true) break;
        fs.renameSync(this.#path(request), this.#path(request));
        return wire.statusReply(id, STATUS.OK);
      case "hardlink@openssh.com":
        fs.linkSync(this.#path(request), this.#path(request));
        return wire.statusReply(id, STATUS.OK);
      case "fsync@openssh.com":
        fs.fsyncSync(this.#file(request));
        return wire.statusReply(id, STATUS.OK);
      case "statvfs@openssh.com":
        return wire.extendedReply(id, diskFields(this.#path(request)));
      case "fstatvfs@openssh.com":
        return wire.extendedReply(id, diskFields(this.#handle(request).path));
      case "limits@openssh.com":
        return wire.extendedReply(id, [MAX_PACKET, MAX_CONTENT, MAX_CONTENT, 1019]);
    }
    throw new Refusal(STATUS.OP_UNSUPPORTED);
  }

  #open(id: number, path: string, flags: number, { mode }: SftpAttributes): Buffer {
    const fd = fs.openSync(path, systemFlags(flags), (mode ?? 0o666) & 0o7777 & ~0o022);
    return this.#newHandle(id, { path, fd });
  }

  #openDirectory(id: number, path: string): Buffer {
    return this.#newHandle(id, { path, entries: [".", "..", ...fs.readdirSync(path)] });
  }

  #readDirectory(id: number, { path, entries }: Handle): Buffer {
    if (entries === undefined) throw new Refusal(STATUS.FAILURE);
    if (entries.length === 0) throw new Refusal(STATUS.EOF);
    const names = entries.splice(0, 100).flatMap((name) => {
      const stats = fs.lstatSync(`${path}/${name}`, { throwIfNoEntry: false });
      return stats === undefined ? [] : [{ name, stats }];
    });
    return wire.namesReply(id, names);
  }

  #read(id: number, fd: number, offset: number, length: number): Buffer {
    const { faults, cut } = this.#options;
    const limit = faults.active.cutAfterBytesRead ?? Infinity;
    const buffer = Buffer.alloc(Math.min(length, MAX_CONTENT));
    const count = fs.readSync(fd, buffer, 0, buffer.length, offset);
    faults.read += count;
    if (faults.read >= limit) cut();
    if (count === 0) throw new Refusal(STATUS.EOF);
    return wire.dataReply(id, buffer.subarray(0, count));
  }

  async #write(id: number, fd: number, offset: number, data: Buffer): Promise<Buffer> {
    const { faults, cut, signal } = this.#options;
    const { cutAfterBytesWritten, diskFullAfterBytes, writeDelayMs } = faults.active;
    if (writeDelayMs !== undefined) await delay(writeDelayMs, undefined, { signal });
    const limit = Math.min(cutAfterBytesWritten ?? Infinity, diskFullAfterBytes ?? Infinity);
    const fits = data.subarray(0, Math.max(0, Math.min(data.length, limit - faults.written)));
    faults.written += this.#store(fd, offset, fits);
    if (faults.written >= (cutAfterBytesWritten ?? Infinity)) cut();
    return wire.statusReply(id, fits.length < data.length ? STATUS.FAILURE : STATUS.OK);
  }

  #store(fd: number, offset: number, data: Buffer): number {
    const at = (this.#options.faults.active.corruptByteAt ?? -1) - offset;
    const content = at >= 0 && at < data.length ? Buffer.from(data) : data;
    if (content !== data) content.writeUInt8(255 - data.readUInt8(at), at);
    return data.length === 0 ? 0 : fs.writeSync(fd, content, 0, content.length, offset);
  }

  #newHandle(id: number, handle: Handle): Buffer {
    this.#handles.set(++this.#lastHandle, handle);
    const name = Buffer.alloc(4);
    name.writeUInt32BE(this.#lastHandle);
    return wire.handleReply(id, name);
  }

  #close(id: number, request: PacketReader): Buffer {
    const name = request.bytes();
    const handle = this.#find(name);
    if (handle === undefined) throw new Refusal(STATUS.NO_SUCH_FILE);
    this.#handles.delete(name.readUInt32BE());
    if (handle.fd !== undefined) fs.closeSync(handle.fd);
    return wire.statusReply(id, STATUS.OK);
  }

  #handle(request: PacketReader): Handle {
    const handle = this.#find(request.bytes());
    if (handle === undefined) throw new Refusal(STATUS.FAILURE);
    return handle;
  }

  #find(name: Buffer): Handle | undefined {
    return name.length === 4 ? this.#handles.get(name.readUInt32BE()) : undefined;
  }

  #file(request: PacketReader): number {
    const { fd } = this.#handle(request);
    if (fd === undefined) throw new Refusal(STATUS.FAILURE);
    return fd;
  }

  #path(request: PacketReader): string {
    return absolute(this.#options.directory, request.text());
  }
}
