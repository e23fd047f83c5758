import assert from "node:assert/strict";
import { test } from "node:test";
import { address, parse } from "../../app/api/console/address.mjs";

test("an address says the view, what it shows, and how", () => {
  assert.deepEqual(parse(""), { view: "tasks", id: "", query: {} });
  assert.deepEqual(parse("#/services/3005?cut=1"), { view: "services", id: "3005", query: { cut: "1" } });
});

test("whatever is in an address comes back from it", () => {
  for (const text of ["a/b", "100%", "ü?&#=", "<b>"]) {
    const { id, query } = parse(address("services", text, { q: text, none: "" }));
    assert.deepEqual({ id, query }, { id: text, query: { q: text } });
  }
  assert.equal(parse("#/runs/%zz").id, "%zz");
});
