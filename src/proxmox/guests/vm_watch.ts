import { type JobRequest, NOT_STOPPED } from "../../ssh/jobs/port.ts";
import { markedHostLine } from "../host.ts";

/**
 * Follows a command in a VM until it has ended, then prints its output and takes over its exit code. TERM
 * stops the command in the VM. Runs on the node, which has Perl for its own programs.
 *
 * A single call of `qm` may fail, for example while the VM migrates. The agent returns output only at the
 * end; each character of it is one byte.
 *
 * The script catches TERM before it loads JSON::PP, which takes most of its start. If TERM ended it there, the
 * command in the VM would keep running.
 *
 * Source: as of {@linkcode parseAgentAnswer}.
 */
const WATCH = `
use strict; use warnings;
my $told;
BEGIN { $SIG{TERM} = sub { $told = 1 } }
use JSON::PP;
my ($vmid, $pid, $mark, $stop) = @ARGV;
my ($stops, $failures, $pause) = (0, 0, 1);
$SIG{HUP} = $SIG{INT} = $SIG{PIPE} = "IGNORE";
sub qm {
  open(my $pipe, "-|", "qm", "guest", @_) or return "";
  local $/; my $text = <$pipe>; close $pipe;
  return $text // "";
}
sub show {
  my ($file, $text) = @_;
  return unless defined $text;
  utf8::encode($text) unless utf8::downgrade($text, 1);
  print $file $text;
}
for (;;) {
  if ($told && $stops < 3) {
    $stops++;
    qm("exec", $vmid, "--timeout", "20", "--", "/bin/sh", "-c", $stop, "sh", $mark);
  }
  my $answer = eval { decode_json(qm("exec-status", $vmid, $pid)) };
  if (ref $answer ne "HASH") {
    if (++$failures >= 20) { print STDERR "The state of the command in the VM cannot be read\\n"; exit 255 }
  } elsif ($answer->{exited}) {
    show(*STDOUT, $answer->{"out-data"}); show(*STDERR, $answer->{"err-data"});
    exit(defined $answer->{signal} ? 128 + $answer->{signal} : $answer->{exitcode} // 255);
  } else { $failures = 0 }
  if ($told && $stops >= 3) {
    print STDERR "The command in the VM could not be stopped\\n";
    exit ${NOT_STOPPED};
  }
  select(undef, undef, undef, $told ? 0.5 : $pause);
  $pause = $pause * 1.5 > 5 ? 5 : $pause * 1.5;
}
`;

/** How long the watcher needs to stop the command in the VM. */
const GRACE_MS = 30_000;

/** A command that runs in a VM. */
export interface WatchedCommand {
  readonly vmid: number;
  /** Of the guest agent. */
  readonly pid: number;
  /** An entry of the environment of all its processes. */
  readonly mark: string;
  /** The command as its caller wrote it. */
  readonly shown: string;
  readonly maxRuntimeMs: number;
}

/** Returns the job that follows a command in a VM. @param stopScript stops the processes with the mark `$1` */
export const watchJob = (
  { vmid, pid, mark, shown, maxRuntimeMs }: WatchedCommand,
  stopScript: string,
): JobRequest => ({
  command: markedHostLine(["perl", "-e", WATCH, String(vmid), String(pid), mark, stopScript]),
  hasStartMark: true,
  ...{ shown, vmid, maxRuntimeMs, graceMs: GRACE_MS },
});
