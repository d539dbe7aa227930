/** The versions of Proxmox VE whose words the stand-in speaks. */
import { settings } from "./state.mjs";

/** The newest release of each, by what `installProxmox` is asked for. */
const RELEASES = { 7: [7, 4], 8: [8, 4], 9: [9, 2] };

const [major, minor] = RELEASES[settings.version ?? 9];

export const release = `${major}.${minor}`;

/** Whether the node is at least of this release. */
export const since = (wantedMajor, wantedMinor) =>
  major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
