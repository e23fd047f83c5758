import assert from "node:assert/strict";
import { test } from "node:test";
import { marksOf, scaleOf, ticks } from "../../app/api/console/scale.mjs";

const DAY = 86400000;
const START = Date.parse("2026-01-01T00:00:00Z");

test("a scale grows from the left margin to the right one", () => {
  const scale = scaleOf([START, START + DAY], 1016, [], true);
  assert.deepEqual([scale.x(START), scale.x(START + DAY / 2), scale.x(START + DAY)], [8, 508, 1008]);
  assert.deepEqual([scale.x(START - DAY), scale.x(START + 2 * DAY)], [8, 1008]);
});

test("a gap of more than a day is cut if that is wanted, and the rest has the room", () => {
  const busy = [START + 60000, START + 100 * DAY];
  const [whole, cut] = [false, true].map((areCut) => scaleOf([START, START + 100 * DAY + 60000], 1016, busy, areCut));
  assert.ok(whole.x(busy[0]) < 9);
  assert.ok(cut.x(busy[0]) > 400);
  assert.equal(cut.cuts.length, 1);
  assert.deepEqual(cut.parts.length, 2);
  assert.ok(cut.x(busy[1]) > cut.x(busy[0]));
});

test("ticks are at whole steps of the wall clock, through summer time too", () => {
  const zone = "Europe/Berlin";
  const from = Date.parse("2026-03-28T00:00:00Z");
  const { step, moments } = ticks([from, from + 3 * DAY], 600, zone);
  assert.equal(step, DAY);
  const hours = moments.map((moment) => new Date(moment).toISOString().slice(11, 16));
  assert.deepEqual(hours, ["23:00", "22:00", "22:00"]);
  const few = ticks([from, from + 3600000], 600, zone).moments;
  assert.ok(few.length > 2 && few.every((moment) => moment % 600000 === 0));
});

test("marks leave each other room, and each part between cuts says when it begins", () => {
  const busy = [START + 60000, START + 100 * DAY];
  const marks = marksOf(scaleOf([START, START + 100 * DAY + 60000], 1016, busy, true), "UTC");
  assert.equal(marks.filter((mark) => mark.step === 0).length, 2);
  for (let number = 1; number < marks.length; number += 1) assert.ok(marks[number].x - marks[number - 1].x >= 80);
});
