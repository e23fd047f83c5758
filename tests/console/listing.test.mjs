import assert from "node:assert/strict";
import { test } from "node:test";

import { listingOf } from "../../app/api/console/listing.mjs";

const path = (query, further) => decodeURIComponent(listingOf(query, further).pathAt("tasks"));

test("a page is asked for by search, order, page and size", () => {
  const query = { q: "mail", order: "-name", page: "3", size: "50" };
  assert.equal(path(query), 'tasks?filter={"name":{"$contains":"mail"}}&order={"name":"desc"}&limit=50&offset=100');
});

test("what no page or size is counts as the first of 25", () => {
  assert.equal(path({ page: "-1", size: "7" }), "tasks?limit=25");
  assert.equal(path({ page: "x" }), "tasks?limit=25");
});

test("the search is looked for within what a link looks for", () => {
  assert.equal(path({ q: "is:enabled" }, { isregular: 0 }), 'tasks?filter={"isregular":0,"isenabled":1}&limit=25');
});

test("nothing is asked for by a search with a fault", () => {
  const { pathAt, fault, filter } = listingOf({ q: "{" });
  assert.deepEqual([pathAt("tasks"), filter], ["", null]);
  assert.match(fault, /^This is no JSON/);
});
