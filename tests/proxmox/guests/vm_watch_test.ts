import assert from "node:assert/strict";
import { watchJob } from "../../../src/proxmox/guests/vm_watch.ts";
import { peer, peerTest } from "../../peers/require.ts";
import { runCommand } from "../../support/command.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

/** The command in the VM ends when it is stopped. */
const QM = `#!/bin/sh
echo "$*" >> "\${0%/*}/calls"
case $2 in
  exec) : > "\${0%/*}/stopped" ;;
  exec-status) [ -e "\${0%/*}/stopped" ] && echo '{"exited":1,"exitcode":7}' || echo '{"exited":0}' ;;
esac
`;

/** Stands in for the module, which not every Perl has: a TERM arrives while it is loaded. */
const MODULE = `package JSON::PP; use Exporter "import"; our @EXPORT = ("decode_json");
kill TERM => $$;
sub decode_json { $_[0] =~ /"exited":1/ ? { exited => 1, exitcode => 7 } : { exited => 0 } }
1;`;

peerTest({
  name:
    "the watcher of a command in a VM stops it also if TERM arrives while Perl loads its module",
  peer: peer("perl", "/usr/bin/perl"),
  async fn() {
    using place = temporaryDirectory();
    Deno.writeTextFileSync(`${place.path}/qm`, QM, { mode: 0o755 });
    Deno.mkdirSync(`${place.path}/lib/JSON`, { recursive: true });
    Deno.writeTextFileSync(`${place.path}/lib/JSON/PP.pm`, MODULE);
    const watched = { vmid: 202, pid: 5, mark: "MARK=1", shown: "sleep 60", maxRuntimeMs: 60_000 };
    const { command } = watchJob(watched, "stop it");
    const env = { PATH: `${place.path}:/usr/bin:/bin`, PERL5LIB: `${place.path}/lib` };
    const { code } = await runCommand("/bin/sh", ["-c", command], { env, cwd: place.path });
    const calls = Deno.readTextFileSync(`${place.path}/calls`).split("\n");
    assert.equal(calls[0], "guest exec 202 --timeout 20 -- /bin/sh -c stop it sh MARK=1");
    assert.equal(code, 7);
  },
});
