import { peer, peerTest, ROOT } from "../../peers/require.ts";
import type { CommandLine } from "../../support/server.ts";
import { copyExecutables } from "../../support/executable.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { checkForm } from "./forms.ts";
import { BINARY } from "./packed.ts";

const UNSHARE = peer("unshare", ["/usr/bin/unshare", "/usr/bin/setpriv"], "util-linux");
/** The user of the image; no system has an entry for it. */
const NOBODY = 65_532;

/** Registers the test of the executable as the image runs it. */
export function imageTests(): void {
  peerTest({
    peer: [ROOT, UNSHARE],
    name: "the executable works as a user without rights on a read-only root, as in the image",
    async fn() {
      using place = temporaryDirectory();
      const path = `${place.path}/mcp-remote-exec`;
      copyExecutables([BINARY ?? ""], path);
      Deno.chmodSync(place.path, 0o755);
      await checkForm(({ env, home }) => {
        const knownHosts = `${place.path}/known_hosts`;
        Deno.copyFileSync(`${home}/.ssh/known_hosts`, knownHosts);
        return {
          command: inImage(path),
          env: {
            ...env,
            SSH_KNOWN_HOSTS: knownHosts,
            WORKING_DIRECTORY: place.path,
            HOME: "/nonexistent",
            PATH: "/usr/bin:/bin",
          },
        };
      });
    },
  });
}

/** Returns the command line of a program with the root and the user of the image. */
const inImage = (path: string): CommandLine => ({
  path: "/usr/bin/unshare",
  args: [
    ...["--mount", "sh", "-c"],
    'mount -o remount,bind,ro / && exec setpriv --reuid=$1 --regid=$1 --clear-groups -- "$2"',
    ...["sh", `${NOBODY}`, path],
  ],
});
