import { isRoot } from "./openssh.ts";

/** Commands that do not end by themselves, and the minimum number of their processes. */
export const ENDLESS: readonly {
  readonly what: string;
  readonly script: string;
  readonly count: number;
}[] = [
  // First, so that it is stopped first: meanwhile it takes all of the CPU time.
  { what: "a flood of output", script: "cat /dev/zero; sleep 4000", count: 2 },
  { what: "a pipeline", script: "sleep 4000 | cat | cat", count: 4 },
  { what: "background children", script: "sleep 4000 & sleep 4000 & wait", count: 3 },
  { what: "jobs of set -m", script: "set -m; sleep 4000 & sleep 4000 | cat & wait", count: 4 },
  {
    what: "a shell that ignores every signal",
    script: 'trap "" TERM INT HUP; while :; do sleep 0.1; done',
    count: 1,
  },
  {
    what: "a child that ignores TERM",
    script: `sh -c 'trap "" TERM; sleep 4000 & wait; wait' & wait`,
    count: 3,
  },
  { what: "a stopped process", script: "sleep 4000 & kill -STOP $!; kill -STOP $$", count: 2 },
  { what: "a handler that starts more", script: HANDLER(), count: 2 },
  { what: "a storm of forks", script: STORM(), count: 40 },
];

function HANDLER(): string {
  return `trap 'sleep 4000 & sleep 4000 & wait' TERM; sleep 4000 & wait; wait`;
}

/** 63 processes that keep running for a while after their parents are killed. */
function STORM(): string {
  return "grow() { [ $1 -gt 0 ] && { sleep 0.1; grow $(($1 - 1)) & grow $(($1 - 1)) & }; " +
    "sleep 4000; }; grow 5";
}

/** The commands for tests about ways to stop, where the command matters less. */
export const FEW = ENDLESS.filter(({ what }) => /jobs|every signal|stopped|pipeline/.test(what));

/** The accounts. On OpenSSH 9.2, root's processes receive no signals over SSH. */
export const ACCOUNTS = isRoot ? (["user", "root"] as const) : (["user"] as const);
