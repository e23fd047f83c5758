import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, lasting, midnight, ofField, offsetName, relative, shown, toField } from "../../app/api/console/time.mjs";

const BERLIN = "Europe/Berlin";
const NOW = Date.parse("2026-11-28T13:00:00Z");

test("a moment is shown by the wall clock of a zone", () => {
  assert.equal(shown(NOW, "UTC"), "Sat 28 Nov 2026, 13:00");
  assert.equal(shown(NOW, BERLIN), "Sat 28 Nov 2026, 14:00");
  assert.equal(shown(NOW + 5000, "Asia/Kolkata"), "Sat 28 Nov 2026, 18:30:05");
  assert.equal(clock(NOW, "Asia/Kathmandu"), "18:45");
  assert.equal(shown(NaN, "UTC"), "");
});

test("the name of an offset has its minutes where there are some", () => {
  assert.equal(offsetName(NOW, "UTC"), "UTC");
  assert.equal(offsetName(NOW, BERLIN), "UTC+1");
  assert.equal(offsetName(NOW, "America/St_Johns"), "UTC−3:30");
});

test("a field for date and time gives back the moment that it shows, in every zone", () => {
  for (const zone of ["UTC", BERLIN, "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]) {
    for (let month = 1; month <= 12; month += 1) {
      const text = `2026-${String(month).padStart(2, "0")}-15T12:34:56Z`;
      assert.equal(ofField(toField(text, zone), zone), text, zone);
    }
  }
});

test("of an hour that is skipped a field gives the moment an hour later", () => {
  assert.equal(ofField("2026-03-29T02:30", BERLIN), "2026-03-29T01:30:00Z");
  assert.equal(ofField("", BERLIN), "");
  assert.equal(toField("", BERLIN), "");
});

test("a year before 1000 is a date as well", () => {
  assert.equal(toField("0099-01-01T00:00:00Z", "UTC"), "0099-01-01T00:00:00");
  assert.equal(ofField("0099-01-01T00:00:00", "UTC"), "0099-01-01T00:00:00Z");
});

test("a day begins at midnight of its zone", () => {
  assert.equal(new Date(midnight(NOW, BERLIN)).toISOString(), "2026-11-27T23:00:00.000Z");
});

test("how long and how far away is said in words", () => {
  assert.equal(lasting(0), "0 s");
  assert.equal(lasting(350), "350 ms");
  assert.equal(lasting(3600000), "1 h");
  assert.equal(lasting(90061000), "1 d 1 h");
  assert.equal(relative(NOW + 12 * 60000, NOW), "in 12 minutes");
  assert.equal(relative(NOW - 3 * 3600000, NOW), "3 hours ago");
  assert.equal(relative(NaN, NOW), "");
});
