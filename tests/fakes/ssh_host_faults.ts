/** Deliberate faults. Byte counts start when the fault is set. */
export interface SftpFault {
  /** Refuses the subsystem request, like a host without sftp-server. */
  readonly refuseSubsystem?: boolean;
  /** Cuts the connection after this many bytes of content were stored. */
  readonly cutAfterBytesWritten?: number;
  /** Cuts the connection after this many bytes of content were read. */
  readonly cutAfterBytesRead?: number;
  /** Writes fail after this many bytes were stored; the part that fits is stored, as by write(2). */
  readonly diskFullAfterBytes?: number;
  /** Stores the byte at this offset of every written file inverted. */
  readonly corruptByteAt?: number;
  /** Delays every write request by this many milliseconds, one after the other. */
  readonly writeDelayMs?: number;
  /** The host has no posix-rename@openssh.com: not offered to new sessions, unsupported to old. */
  readonly refusePosixRename?: boolean;
  /** Answers RENAME with FAILURE. */
  readonly refuseRename?: boolean;
}

/** The faults of one host; its SFTP sessions share the counters. */
export class SftpFaults {
  active: SftpFault = {};
  written = 0;
  read = 0;

  set(fault: SftpFault): void {
    this.active = fault;
    this.written = 0;
    this.read = 0;
  }
}
