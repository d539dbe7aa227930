import assert from "node:assert/strict";
import { OpenRequests } from "../../../src/mcp/stdio/open_requests.ts";
import { pure } from "../../support/pure.ts";

pure("OpenRequests keeps usual ids, 0 and the empty text included", () => {
  const requests = new OpenRequests();
  for (const id of [0, "", 7, "7", -1]) assert.equal(requests.add(id), id);
  assert.equal(requests.close(0), 0);
  assert.equal(requests.close(0), undefined);
  assert.equal(requests.size, 4);
});

pure("OpenRequests assigns a new id to the second request with the same id", () => {
  const requests = new OpenRequests();
  assert.equal(requests.add("#1"), "#1");
  const [first, second] = [requests.add(5), requests.add(5)];
  assert.equal(first, 5);
  assert.equal(second, "#2");
  assert.deepEqual([requests.close(second), requests.close(first)], [5, 5]);
});

pure("OpenRequests replaces an id that the SDK refuses", () => {
  const requests = new OpenRequests();
  const id = requests.add(1.5);
  assert.equal(typeof id, "string");
  assert.equal(requests.close(id), 1.5);
});

pure("OpenRequests cancels every request with an id, and only those", () => {
  const requests = new OpenRequests();
  for (const id of [0, 0, "0", ""]) requests.add(id);
  assert.deepEqual(requests.cancel(0), [0, "#1"]);
  assert.deepEqual(requests.cancel(""), [""]);
  for (const unknown of [9, null, undefined, {}]) assert.deepEqual(requests.cancel(unknown), []);
  assert.equal(requests.size, 1);
});
