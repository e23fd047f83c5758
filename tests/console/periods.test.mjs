import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, minutesOf, onWeekdays, withStretch, withoutStretch, written } from "../../app/api/console/periods.mjs";

const at = (timestart, timestop, more = {}) => ({ dow: 1, timestart, timestop, ...more });

test("a time is written and read in hours and minutes, up to 24:00", () => {
  for (const minutes of [0, 5, 540, 1439, 1440]) assert.equal(minutesOf(written(minutes)), minutes);
  for (const text of ["", "24:01", "9:60", "x", "1:2:3"]) assert.ok(Number.isNaN(minutesOf(text)), text);
  assert.equal(minutesOf("9"), 540);
});

test("the grid shows which half hours are covered in whole, in part or not", () => {
  const shown = cells([at(545, 600), at(590, 630)], 1);
  assert.deepEqual(shown.slice(17, 22), ["none", "part", "all", "all", "none"]);
  assert.deepEqual(new Set(cells([at(0, 1440)], 2)), new Set(["none"]));
});

test("a stretch that is added grows what it touches and keeps exact minutes", () => {
  assert.deepEqual(withStretch([at(545, 600)], 1, 600, 660), [at(545, 660)]);
  const own = at(545, 600, { note: "x" });
  assert.deepEqual(withStretch([own], 1, 600, 660), [own, at(600, 660)]);
});

test("a stretch that is removed leaves the rest with its minutes and keys", () => {
  const own = at(545, 1085, { note: "x" });
  assert.deepEqual(withoutStretch([own], 1, 720, 780), [at(545, 720, { note: "x" }), at(780, 1085, { note: "x" })]);
  assert.deepEqual(withoutStretch([own], 2, 0, 1440), [own]);
  assert.deepEqual(withoutStretch([own], 1, 0, 1440), []);
});

test("a day is copied to Monday to Friday and the weekend stays", () => {
  const sunday = { dow: 7, timestart: 0, timestop: 60 };
  const copied = onWeekdays([at(540, 600, { k: 1 }), { dow: 3, timestart: 0, timestop: 1 }, sunday], 1);
  assert.deepEqual(copied.map((each) => each.dow), [1, 2, 3, 4, 5, 7]);
  assert.ok(copied.slice(0, 5).every((each) => each.timestart === 540 && each.k === 1));
});
