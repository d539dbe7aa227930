import assert from "node:assert/strict";
import type { R2Config } from "../../../../src/config/config.ts";
import { RemoteExecError } from "../../../../src/errors.ts";
import { R2Bridge } from "../../../../src/transfers/worker/r2/r2_bridge.ts";
import { call, sourceOf, text } from "../../../contracts/bridge.ts";
import { peerTest, SWIFT } from "../../../peers/require.ts";
import { startStage } from "../../exchange/exchange_stage.ts";
import { FetchStandIn, refusal, type Reply } from "../../fetch_stand_in.ts";
import { startR2 } from "./rig.ts";
import { nameFor, R2_CONFIG, skippingClock, toolsWith } from "./fixture.ts";

const NAME = nameFor("data.bin");
const HOUR_MS = 3_600_000;

const FAULTS: readonly { reply: Reply; code: string; remedy: RegExp; words?: RegExp }[] = [
  {
    reply: refusal(401, "Unauthorized"),
    code: "authentication_failed",
    remedy: /R2_ACCESS_KEY/,
  },
  {
    reply: refusal(403, "SignatureDoesNotMatch"),
    code: "authentication_failed",
    remedy: /R2_SECRET_KEY/,
  },
  {
    reply: refusal(400, "AuthorizationHeaderMalformed"),
    code: "authentication_failed",
    remedy: /R2_REGION/,
  },
  {
    reply: refusal(403, "AccessDenied", "Access Denied"),
    code: "not_permitted",
    remedy: /Object Read & Write/,
  },
  { reply: refusal(404, "NoSuchBucket"), code: "configuration", remedy: /R2_BUCKET/ },
  {
    reply: refusal(403, "RequestTimeTooSkewed", "", {
      date: new Date(Date.now() - HOUR_MS).toUTCString(),
    }),
    code: "authentication_failed",
    remedy: /clock/,
    words: /60 minutes ahead/,
  },
  ...(["SignatureDoesNotMatch", "AccessDenied"].map((code) => ({
    reply: refusal(403, code, "", { date: new Date(Date.now() + HOUR_MS).toUTCString() }),
    code: "authentication_failed",
    remedy: /clock/,
    words: /60 minutes behind/,
  }))),
];

async function failureOf(promise: Promise<unknown>): Promise<RemoteExecError> {
  const error = await promise.then((value) => value, (thrown) => thrown);
  assert.ok(error instanceof RemoteExecError, `${error}`);
  return error;
}

function bridgeWith(...replies: Reply[]) {
  const service = new FetchStandIn(...replies);
  return { service, bridge: new R2Bridge(R2_CONFIG, toolsWith(skippingClock(), service.fetch)) };
}

const ACTIONS: readonly {
  name: string;
  run: (bridge: R2Bridge) => Promise<unknown>;
  methods: string[];
}[] = [
  {
    name: "put",
    run: (bridge) => bridge.put({ name: NAME, metadata: {} }, sourceOf(text("abc")), call()),
    methods: ["PUT"],
  },
  { name: "open", run: (bridge) => bridge.open({ name: NAME }, 100, call()), methods: ["GET"] },
  { name: "find", run: (bridge) => bridge.find({ name: NAME }, call()), methods: ["HEAD", "GET"] },
  {
    name: "remove",
    run: (bridge) => bridge.remove({ name: NAME }, call()),
    methods: ["HEAD", "GET"],
  },
  { name: "list", run: (bridge) => bridge.list("", call()), methods: ["GET"] },
];

for (const { name, run, methods } of ACTIONS) {
  Deno.test(`${name}() distinguishes the faults of a configuration, each with its remedy`, async () => {
    for (const { reply, code, remedy, words } of FAULTS) {
      const { bridge, service } = bridgeWith(...methods.map(() => reply));
      const failure = await failureOf(run(bridge));
      assert.equal(failure.code, code, failure.message);
      assert.match(failure.suggestion, remedy);
      assert.match(failure.message, words ?? /./);
      assert.deepEqual(service.methods, methods);
    }
  });
}

Deno.test("find() reports a missing object when the bucket answers", async () => {
  const { bridge } = bridgeWith(refusal(404, "NoSuchKey"), () => new Response(""));
  assert.equal(await bridge.find({ name: NAME }, call()), undefined);
});

Deno.test("find() reports a missing object when the token may not list", async () => {
  const { bridge } = bridgeWith(refusal(404, "NoSuchKey"), refusal(403, "AccessDenied"));
  assert.equal(await bridge.find({ name: NAME }, call()), undefined);
});

Deno.test("find() keeps its own refusal when the bucket answers", async () => {
  const { bridge } = bridgeWith(refusal(403, "AccessDenied"), () => new Response(""));
  assert.equal((await failureOf(bridge.find({ name: NAME }, call()))).code, "not_permitted");
});

peerTest({
  peer: SWIFT,
  name: "find() distinguishes the faults of a configuration on a real server",
  async fn() {
    await using rig = await startR2();
    const attempt = async (change: Partial<R2Config>, aheadMs = 0) => {
      const clock = skippingClock();
      clock.nowMs += aheadMs;
      const bridge = new R2Bridge({ ...rig.config, ...change }, toolsWith(clock, fetch));
      return await failureOf(bridge.find({ name: NAME }, call()));
    };
    assert.match((await attempt({ bucket: "absent" })).message, /"absent" does not exist/);
    assert.match((await attempt({ region: "elsewhere" })).suggestion, /R2_REGION/);
    assert.match((await attempt({ secretKey: "wrong" })).suggestion, /R2_SECRET_KEY/);
    const late = await attempt({}, -2 * HOUR_MS);
    assert.match(late.message, /clock .* 120 minutes behind/);
    assert.equal(await rig.bridge.find({ name: NAME }, call()), undefined);
  },
});

peerTest({
  peer: SWIFT,
  name: "every exchange tool names a wrong clock and a missing bucket, with the remedy",
  async fn() {
    await using stage = await startStage();
    const { rig, call } = stage;
    const named = { source_client: "server", transfer_id: NAME.slice("server/".length) };
    const failures = async () => {
      const calls = [
        call("exchange_share", named),
        call("exchange_download", { ...named, local_path: "a" }),
        call("exchange_delete", named),
        call("exchange_list", {}),
      ];
      return await Promise.all(calls.map(failureOf));
    };
    rig.clock.nowMs -= 2 * HOUR_MS;
    for (const { code, suggestion } of await failures()) {
      assert.equal(code, "authentication_failed");
      assert.match(suggestion, /^Set the clock/);
    }
    rig.clock.nowMs += 2 * HOUR_MS;
    await (await rig.s3.client.fetch(rig.bucketUrl, { method: "DELETE" })).body?.cancel();
    for (const { code, suggestion } of await failures()) {
      assert.equal(code, "configuration");
      assert.match(suggestion, /R2_BUCKET/);
    }
  },
});

Deno.test("diagnose() reports a wrong clock also when the service still answers", async () => {
  const date = new Date(Date.now() - 10 * 60_000).toUTCString();
  const { bridge } = bridgeWith(() => new Response("", { headers: { date } }));
  const [check] = await bridge.diagnose(call());
  assert.equal(check?.ok, false);
  assert.match(check?.detail ?? "", /clock of this machine is 10 minutes ahead of/);
});
