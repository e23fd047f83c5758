import assert from "node:assert/strict";
import { test } from "node:test";
import { asCurl, both, filterOf, neverStarts } from "../../app/api/console/filter.mjs";

test("words are looked for in the name", () => {
  assert.equal(filterOf("  "), null);
  assert.deepEqual(filterOf("daily"), { name: { $contains: "daily" } });
  assert.deepEqual(filterOf('"two words"'), { name: { $contains: "two words" } });
  assert.deepEqual(filterOf("a b"), { $and: [{ name: { $contains: "a" } }, { name: { $contains: "b" } }] });
});

test("a field may be named, with a comparison", () => {
  assert.deepEqual(filterOf("svcscriptcode:mail is:disabled"), { svcscriptcode: { $contains: "mail" }, isenabled: 0 });
  assert.deepEqual(filterOf("intervalsec>=60"), { intervalsec: { $gte: 60 } });
  assert.deepEqual(filterOf('ext.owner="7"'), { "ext.owner": "7" });
  assert.deepEqual(filterOf("12:30"), { name: { $contains: "12:30" } });
});

test("a filter in JSON is taken as it is, and a broken one is refused", () => {
  assert.deepEqual(filterOf('{"isenabled": 1}'), { isenabled: 1 });
  assert.throws(() => filterOf('{"isenabled"'), SyntaxError);
});

test("conditions on one field do not replace each other", () => {
  assert.deepEqual(both([{ a: 1 }, null, { b: 2 }]), { a: 1, b: 2 });
  assert.deepEqual(both([{ a: 1 }, { a: 2 }]), { $and: [{ a: 1 }, { a: 2 }] });
  assert.equal(both([null]), null);
});

test("the command for a shell quotes what a person typed", () => {
  assert.equal(asCurl("http://x/t", { filter: "it's" }), "curl -G 'http://x/t' --data-urlencode 'filter=it'\\''s'");
});

test("what never starts is enabled and past, without an interval, periods or a script", () => {
  const { isenabled, $or: ways } = neverStarts("2026-11-28T13:00:00.000Z", ["mail"]);
  assert.equal(isenabled, 1);
  assert.deepEqual(ways.slice(0, 3), [
    { dtstop: { $ne: "", $lt: "2026-11-28T13:00:00.000Z" } },
    { isregular: 1, intervalsec: 0 },
    { isregular: 0, dtstart: { $lt: "2026-11-28T13:00:00.000Z" } },
  ]);
  assert.equal(ways[3].$nor.length, 7);
  assert.deepEqual(ways[4], { svcscriptcode: { $nin: ["mail"] } });
});

test("what never starts is looked for without scripts where they are not known", () => {
  const { $or: ways } = neverStarts("2026-11-28T13:00:00.000Z", null);
  assert.ok(!ways.some((way) => "svcscriptcode" in way));
});
