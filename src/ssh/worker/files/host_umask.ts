import { posix } from "node:path";
import { temporaryName } from "./file_end.ts";
import type { HostHelp } from "./host_files.ts";

/** The mode that a new file beside `target` gets on the host; learnt from an empty one that goes at once. */
export async function umaskMode({ sftp, keep, drop }: HostHelp, target: string): Promise<number> {
  const probe = posix.join(posix.dirname(target), temporaryName(posix.basename(target)));
  keep(probe);
  const handle = await sftp.open(probe, "wx").catch((error) => {
    drop(probe);
    throw error;
  });
  try {
    return (await sftp.fstat(handle)).mode;
  } finally {
    // Not waited for: these are answered before whatever is asked next.
    sftp.close(handle).catch(() => {});
    sftp.remove(probe).then(() => drop(probe), () => {});
  }
}
