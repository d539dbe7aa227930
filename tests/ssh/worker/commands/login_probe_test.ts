import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { LoginProbe, type Shown } from "../../../../src/ssh/worker/commands/login_probe.ts";
import { pure } from "../../../support/pure.ts";

/** A probe of a running command, and what it has shown. */
function watched() {
  const shown: Shown[] = [];
  const probe = new LoginProbe((what) => shown.push(what));
  const token = /echo (\w+)/.exec(probe.line("true"))?.[1] ?? "";
  const stderr = new Readable({ read() {} });
  const channel = Object.assign(new EventEmitter(), { stderr });
  probe.watch(channel as unknown as ClientChannel); // the parts that a probe uses
  const end = () => {
    channel.emit("exit", 0);
    channel.emit("close");
  };
  return {
    probe,
    shown,
    end,
    say: (text: string) => stderr.push(Buffer.from(text.replace("TOKEN", token))),
  };
}

pure("LoginProbe takes what the probe prints although its command is being stopped", () => {
  const { probe, shown, say, end } = watched();
  probe.abandon();
  say("TOKEN \n");
  end();
  assert.deepEqual(shown, ["free"]);
});

pure("LoginProbe concludes nothing from the end of a command that is being stopped", () => {
  const { probe, shown, end } = watched();
  probe.abandon();
  end();
  assert.deepEqual(shown, []);
});

pure("LoginProbe knows a forced command by its end without what the probe prints", () => {
  const { shown, end } = watched();
  end();
  assert.deepEqual(shown, ["forced"]);
});
