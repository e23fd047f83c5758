import assert from "node:assert/strict";
import { test } from "node:test";
import { barsOf, reach } from "../../app/api/console/lanes.mjs";

const NOW = Date.parse("2026-01-01T01:00:00Z");

const at = (minutes) => ({ timestamp: new Date(Date.parse("2026-01-01T00:00:00Z") + minutes * 60000).toISOString() });

const SERVICE = {
  service_id: 1,
  service_type: 100,
  started: at(0),
  est_duration: 1800,
  active_states: [{ state_id: 3, state_type: "b", started: at(20) }],
  completed_states: [{ state_id: 2, state_type: "a", started: at(10), completed: at(20), est_duration: 300 }],
  active_tasks: [{ task_id: 7, task_type: "x", started: at(25), state_id: 3 }, { task_id: 8, task_type: "y", started: at(5) }],
  completed_tasks: [{ task_id: 6, task_type: "x", started: at(12), completed: at(13), state_id: 2 }],
};

test("states are in the order of their starts, each with its tasks beneath", () => {
  const keys = barsOf(SERVICE, NOW).map((bar) => bar.key);
  assert.deepEqual(keys, ["service-1", "task-8", "state-2", "task-6", "state-3", "task-7"]);
});

test("a bar has an end, or is open; it is overdue after what was expected", () => {
  const bars = Object.fromEntries(barsOf(SERVICE, NOW).map((bar) => [bar.key, bar]));
  assert.equal(bars["state-3"].end, null);
  assert.equal(bars["state-3"].isOverdue, false);
  assert.equal(bars["service-1"].isOverdue, true);
  assert.equal(bars["state-2"].end - bars["state-2"].start, 600000);
  assert.equal(bars["state-2"].due - bars["state-2"].start, 300000);
});

test("ids that are long or zero, and an end before its start, are drawn as well", () => {
  const odd = { service_id: 9007199254740993n, service_type: 0, started: at(9), completed: at(1), active_states: [{ state_id: 0, state_type: "s", started: at(2) }] };
  const [service, state] = barsOf(odd, NOW);
  assert.deepEqual([service.key, service.end - service.start, state.key], ["service-9007199254740993", 0, "state-0"]);
});

test("a time line reaches from the first start until now, or until what is expected", () => {
  const bars = barsOf(SERVICE, NOW);
  assert.deepEqual(reach(bars, NOW), [Date.parse("2026-01-01T00:00:00Z"), NOW]);
  const young = barsOf({ service_id: 1, started: at(50), est_duration: 36000 }, NOW);
  assert.deepEqual(reach(young, NOW), [Date.parse(at(50).timestamp), Date.parse(at(70).timestamp)]);
  const [first, last] = reach(barsOf({ service_id: 1, started: at(60) }, NOW), NOW);
  assert.ok(last > first);
});
