// The real launcher, whose workers attack on demand.
import "./swap_worker.ts";
import "../../src/sandbox/launcher.ts";
