import assert from "node:assert/strict";
import { readMessages, refuseLongLine } from "../../../src/mcp/stdio/read_message.ts";
import { pure } from "../../support/pure.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (value: unknown) => readMessages(bytes(JSON.stringify(value)));
const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "t" } };
const meant = { id: 1, method: "tools/call", params: { name: "t" } };

pure("readMessages() reads requests and notifications without remark", () => {
  assert.deepEqual(read(call).messages, [meant]);
  assert.deepEqual(read(call).oddities, []);
  assert.deepEqual(read({ jsonrpc: "2.0", method: "notifications/initialized" }).messages, [
    { method: "notifications/initialized" },
  ]);
  assert.deepEqual(readMessages(bytes(`${JSON.stringify(call)}\r`)).messages, [meant]);
  for (const id of [0, "", -1, "a", 1.5]) assert.equal(read({ ...call, id }).messages[0]?.id, id);
});

pure("readMessages() ignores empty lines", () => {
  for (const line of ["", " ", "\r", "\t \r", "\ufeff"]) {
    const { messages, refusals } = readMessages(bytes(line));
    assert.deepEqual([messages, refusals], [[], []]);
  }
});

const { params: _, ...bare } = call;
const { jsonrpc: _version, ...unversioned } = call;
const _meta = { progressToken: 7, "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
const CLEAR: Readonly<Record<string, readonly [given: unknown, meant: unknown]>> = {
  "null params": [{ ...call, params: null }, { id: 1, method: "tools/call" }],
  "an empty list of params": [{ ...call, params: [] }, { id: 1, method: "tools/call" }],
  "unknown members": [{ ...call, extra: 1, error: null }, meant],
  "no jsonrpc": [unversioned, meant],
  "a number for jsonrpc": [{ ...call, jsonrpc: 2.0 }, meant],
  "null _meta": [{ ...call, params: { name: "t", _meta: null } }, meant],
  "a list for _meta": [{ ...call, params: { name: "t", _meta: [] } }, meant],
  "null progressToken": [
    { ...call, params: { name: "t", _meta: { progressToken: null } } },
    { ...meant, params: { name: "t", _meta: {} } },
  ],
  "an object for progressToken": [
    { ...call, params: { name: "t", _meta: { ..._meta, progressToken: {} } } },
    {
      ...meant,
      params: { name: "t", _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
    },
  ],
  "null arguments": [{ ...call, params: { name: "t", arguments: null } }, meant],
  "a null cursor": [{ ...bare, method: "tools/list", params: { cursor: null } }, {
    id: 1,
    method: "tools/list",
    params: {},
  }],
  "null capabilities": [
    { ...bare, method: "initialize", params: { capabilities: { roots: null }, clientInfo: {} } },
    { id: 1, method: "initialize", params: { capabilities: {}, clientInfo: {} } },
  ],
  "a null id of a notification": [{ ...bare, id: null, method: "notifications/initialized" }, {
    method: "notifications/initialized",
  }],
};

for (const [what, [given, expected]] of Object.entries(CLEAR)) {
  pure(`readMessages() reads a message with ${what} as it is meant`, () => {
    const { messages, refusals } = read(given);
    assert.deepEqual([messages, refusals], [[expected], []]);
  });
}

pure("readMessages() remarks every kind of unusual message that it reads", () => {
  const unusual = [
    "null params",
    "unknown members",
    "no jsonrpc",
    "null _meta",
    "null progressToken",
  ];
  for (const what of unusual) assert.equal(read(CLEAR[what]?.[0]).oddities.length, 1, what);
});

pure("readMessages() keeps the arguments of a tool as they are", () => {
  const args = { a: null, b: { c: null }, ["__proto__"]: null };
  const given = JSON.stringify({ ...call, params: { name: "t", arguments: args } });
  const [message] = readMessages(bytes(given)).messages;
  assert.equal(JSON.stringify(message?.params?.arguments), JSON.stringify(args));
});

const refused = (id: unknown, code: number, why: string) => ({
  jsonrpc: "2.0",
  id,
  error: { code, message: `${code === -32700 ? "Parse error" : "Invalid Request"}: ${why}` },
});

pure("readMessages() refuses what cannot be meant, under the id if there is one", () => {
  const cases: readonly (readonly [unknown, unknown, string])[] = [
    [null, null, "it must be an object"],
    [3, null, "it must be an object"],
    ["x", null, "it must be an object"],
    [true, null, "it must be an object"],
    [{}, null, "method must be a text"],
    [{ jsonrpc: "2.0", id: 5 }, 5, "method must be a text"],
    [{ ...call, method: 3 }, 1, "method must be a text"],
    [{ ...call, jsonrpc: "1.0" }, 1, 'jsonrpc must be "2.0"'],
    [{ ...call, params: ["t"] }, 1, "params must be an object"],
    [{ ...call, params: "t" }, 1, "params must be an object"],
    [{ ...call, id: null }, null, "id must be a text or a number"],
    [{ ...call, id: {} }, null, "id must be a text or a number"],
    [{ ...call, id: [1] }, null, "id must be a text or a number"],
    [{ ...call, id: true }, null, "id must be a text or a number"],
  ];
  for (const [value, id, why] of cases) {
    const { messages, refusals, oddities } = read(value);
    assert.deepEqual([messages, refusals], [[], [refused(id, -32600, why)]], JSON.stringify(value));
    assert.deepEqual(oddities, [`a message is refused: ${why}`]);
  }
});

pure("readMessages() refuses a line that is not JSON or not UTF-8", () => {
  for (const line of ["x", "{", '{"id":1', "\0", "{'id':1}"]) {
    const { refusals } = readMessages(bytes(line));
    assert.deepEqual(refusals, [refused(null, -32700, "the line is not JSON")], line);
  }
  const broken = bytes(JSON.stringify({ ...call, id: 9, method: "?" }));
  broken[broken.indexOf(0x3f)] = 0xff;
  assert.deepEqual(readMessages(broken).refusals, [refused(9, -32700, "the line is not UTF-8")]);
});

pure("readMessages() removes a byte order mark", () => {
  const { messages, oddities } = readMessages(bytes(`\ufeff${JSON.stringify(call)}`));
  assert.deepEqual(messages, [meant]);
  assert.deepEqual(oddities, ["a message begins with a byte order mark"]);
});

pure("readMessages() takes a batch apart", () => {
  const { messages, refusals } = read([call, 3, { ...call, id: 2 }]);
  assert.deepEqual(messages, [meant, { ...meant, id: 2 }]);
  assert.deepEqual(refusals, [refused(null, -32600, "it must be an object")]);
  assert.deepEqual(read([]).refusals, [refused(null, -32600, "the batch is empty")]);
  assert.equal(read([[call]]).refusals.length, 1);
});

pure("readMessages() does not answer an answer", () => {
  for (const answer of [{ result: {} }, { error: { code: 1, message: "" } }]) {
    const { messages, refusals, oddities } = read({ jsonrpc: "2.0", id: 1, ...answer });
    assert.deepEqual([messages, refusals], [[], []]);
    assert.equal(oddities.length, 1);
  }
});

pure("readMessages() reads JSON that is nested 100,000 deep", () => {
  const deep = `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":${"[".repeat(1e5)}${
    "]".repeat(1e5)
  }}}`;
  assert.equal(readMessages(bytes(deep)).messages.length, 1);
});

pure("refuseLongLine() finds the id at either end of the line", () => {
  const idOf = (head: string, tail: string) =>
    refuseLongLine({ head: bytes(head), tail: bytes(tail) }, 10 * 1_048_576).refusals[0]?.id;
  const body = '"params":{"name":"t","arguments":{"command":"xxx';
  assert.equal(idOf(`{"jsonrpc":"2.0","id":7,"method":"tools/call",${body}`, 'xxx"}}}'), 7);
  assert.equal(idOf(`{"jsonrpc":"2.0","method":"tools/call","id":"a",${body}`, 'xxx"}}}'), "a");
  assert.equal(idOf(`{"method":"tools/call",${body}`, 'xxx"}},"jsonrpc":"2.0","id":0}'), 0);
  assert.equal(idOf(`{"method":"tools/call",${body}`, 'xxx"}},"jsonrpc":"2.0","id":"" } \r'), "");
  assert.equal(idOf(`{"method":"tools/call",${body}`, 'xxx","id":5}}}'), null);
  assert.equal(idOf("xxx", "xxx"), null);
  assert.deepEqual(refuseLongLine({ head: bytes(""), tail: bytes("") }, 10 * 1_048_576).refusals, [
    refused(null, -32600, "the message is longer than 10 MiB"),
  ]);
});
