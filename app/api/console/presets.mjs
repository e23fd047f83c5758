// What the links above the table of tasks look for, and what that covers.

import { withParameters } from "./address.mjs";
import { RUNS, SCRIPTS } from "./api.mjs";
import { useMemo } from "./dom.mjs";
import { neverStarts } from "./filter.mjs";
import { useLive } from "./live.mjs";
import { useNewestRuns } from "./outcomes.mjs";
import { counted } from "./words.mjs";

const EVERY = 10000;
const MOST_RUNS = 1000;
const MOST_TASKS = 100;
const MOST_TEXT = 3000;

export const PRESETS = [
  { name: "", title: "All" },
  { name: "disabled", title: "Disabled", filter: { isenabled: 0 } },
  { name: "failed", title: "Failed last", states: ["failed", "timedout", "lost"], note: "Tasks whose newest run failed, timed out or was lost." },
  { name: "overdue", title: "Overdue", states: ["missed"], note: "Tasks whose newest start was missed: its time passed, and nothing ran." },
  { name: "never", title: "Never starts", isNever: true, note: "Enabled tasks without a start ahead, by their dates, interval, periods or script; the next start says why. Working hours and sites are not looked at: a task that they alone hold back is not among these." },
];

/** The preset with a name: its ``filter``, which is undefined while it is not known yet, and
 * the ``note`` that says what it covers. */
export function usePreset(name) {
  const preset = PRESETS.find((each) => each.name === name) ?? PRESETS[0];
  const ofRuns = useTasksOfRuns(preset.states);
  const scripts = useLive(preset.isNever ? SCRIPTS : "", { every: EVERY });
  const never = useMemo(() => {
    if (!preset.isNever || (!scripts.data && !scripts.problem)) return undefined;
    const codes = scripts.data?.map((each) => each.code);
    return neverStarts(new Date().toISOString(), codes?.join().length < MOST_TEXT ? codes : null);
  }, [preset, scripts.data, scripts.problem]);
  if (preset.states) return { ...ofRuns, note: `${preset.note}${ofRuns.note}` };
  return { filter: preset.isNever ? never : (preset.filter ?? null), note: preset.note };
}

const NONE = [];

/** The tasks whose newest run is in one of ``states``: of the newest runs in these states the
 * tasks, each as long as it has no newer run in another. */
function useTasksOfRuns(states) {
  const live = useLive(states ? withParameters(RUNS, { mask: "svctask", limit: MOST_RUNS, filter: { state: { $in: states } } }) : "", { every: EVERY });
  const runs = live.isLoading ? undefined : live.data;
  const candidates = useMemo(() => (states && runs ? [...new Set(runs.map((run) => run.svctask))].map((id) => ({ id })) : NONE), [states, runs]);
  const newest = useNewestRuns(candidates);
  return useMemo(() => {
    if (!runs || !candidates.every(({ id }) => newest.has(id))) return { filter: undefined, note: "", problem: live.problem };
    const found = candidates.map(({ id }) => id).filter((id) => states?.includes(newest.get(id).run?.state));
    const notes = [];
    if (live.total > MOST_RUNS) notes.push(` Of ${counted(live.total, "such run")} the newest ${MOST_RUNS.toLocaleString("en")} were looked at.`);
    if (found.length > MOST_TASKS) notes.push(` The first ${MOST_TASKS} of ${counted(found.length, "task")} are shown.`);
    return { filter: { id: { $in: found.slice(0, MOST_TASKS) } }, note: notes.join("") };
  }, [states, runs, candidates, newest, live.total, live.problem]);
}
