import assert from "node:assert/strict";
import { test } from "node:test";
import { faultIn, parse, same, stringify } from "../../app/api/console/exact.mjs";

test("an integer of 64 bits comes back with all its digits", () => {
  for (const digits of ["9007199254740993", "-9223372036854775808", "18446744073709551615"]) {
    const text = `{"a":[${digits},{"b":${digits}}]}`;
    assert.equal(stringify(parse(text)), text);
  }
});

test("small integers, fractions and texts with digits stay what they are", () => {
  const text = '{"a":1,"b":1.2345678901234567,"c":"12345678901234567890","d":"x\\"99999999999999999999"}';
  assert.deepEqual(parse(text), JSON.parse(text));
  assert.equal(parse("9007199254740991"), 9007199254740991);
  assert.equal(parse("[1e-1234567890123456]")[0], 0);
});

test("a fault is where JSON ends", () => {
  assert.equal(faultIn('{"a": 1}'), "");
  assert.match(faultIn('{"a": 1,\n "b" 2}'), /^line 2, column 6: /);
  assert.match(faultIn('{"a": '), /^line 1, column 7: /);
  assert.throws(() => parse('{"a": 12345678901234567,}'), SyntaxError);
});

test("two values are the same whatever the order of their members", () => {
  assert.ok(same({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }));
  assert.ok(same(12345678901234567890n, 12345678901234567890n));
  for (const [one, other] of [[{ a: 1 }, { a: 2 }], [[1], { 0: 1 }], [null, {}], [{ a: undefined }, { b: 1 }], [1, "1"]]) {
    assert.ok(!same(one, other));
  }
});
