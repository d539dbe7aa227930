/** What goes wrong on purpose. Counts of bytes start at the moment the fault is set. */
export interface SftpFault {
  /** The subsystem request is refused, as by a host without sftp-server. */
  readonly refuseSubsystem?: boolean;
  /** The connection is cut once so many bytes of content were stored. */
  readonly cutAfterBytesWritten?: number;
  /** The connection is cut once so many bytes of content were read. */
  readonly cutAfterBytesRead?: number;
  /** Writes fail once so many bytes were stored; what fits of a request is stored, as by write(2). */
  readonly diskFullAfterBytes?: number;
  /** The byte at this offset of every file written is stored inverted. */
  readonly corruptByteAt?: number;
  /** Every write request takes so many milliseconds longer, one after the other. */
  readonly writeDelayMs?: number;
  /** The host has no posix-rename@openssh.com: not offered to new sessions, unsupported to old. */
  readonly refusePosixRename?: boolean;
  /** RENAME is answered with FAILURE. */
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
