import { type Peer, peer } from "../peers/require.ts";

/** Info-ZIP's unpacker, the judge of archives. */
export const UNZIP: Peer = peer("unzip", "/usr/bin/unzip");

/** Python, whose zipfile is the other judge. */
export const PYTHON: Peer = peer("python3", "/usr/bin/python3");
