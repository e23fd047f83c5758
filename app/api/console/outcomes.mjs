// How runs ended: a word, and the last run of each task.

import { address } from "./address.mjs";
import { RUNS, withParameters } from "./api.mjs";
import { html, useMemo } from "./dom.mjs";
import { useLive } from "./live.mjs";
import { relative } from "./time.mjs";
import { useNow } from "./zones.mjs";

const LOOKS = { succeeded: "good", running: "active", failed: "bad", timedout: "bad", lost: "bad", missed: "bad", stopped: "off", skipped: "off" };

const SIGNS = { succeeded: "✓", running: "▶", failed: "✗", timedout: "✗", lost: "?", missed: "✗", stopped: "■", skipped: "–" };

/** The state of a run: a word and a sign, not only a colour. */
export function Badge({ state }) {
  return html`<span class="badge ${LOOKS[state] ?? ""}"><span aria-hidden="true">${SIGNS[state]} </span>${state}</span>`;
}

/** The last run in a row of tasks. */
export function State({ run }) {
  const now = useNow();
  if (!run) return html`<span class="muted">no run</span>`;
  const at = run.started ?? run.slot;
  return html`<a href=${address("runs", run.id)}><${Badge} state=${run.state} /></a>
    <span class="away">${relative(Date.parse(at), now)}</span>`;
}

const IN_ADDRESS = 100;

/** The newest run of each task of a list, by the id of the task; and how to look at once. */
export function useLastRuns(rows) {
  const ids = rows.length && rows.length <= IN_ADDRESS ? rows.map((row) => row.id) : null;
  const parameters = { mask: "id,svctask,state,started,slot", limit: 2000, filter: ids && { svctask: { $in: ids } } };
  const { data, refresh } = useLive(rows.length ? withParameters(RUNS, parameters) : "");
  const newest = useMemo(() => {
    const found = new Map();
    for (const run of data ?? []) if (!found.has(run.svctask)) found.set(run.svctask, run);
    return found;
  }, [data]);
  return [newest, refresh];
}
