// How runs ended: a word, and the newest run of each task.

import { address, withParameters } from "./address.mjs";
import { RUNS, TASKS, ask } from "./api.mjs";
import { html, useMemo, useRef } from "./dom.mjs";
import { useEach } from "./each.mjs";
import { useLive } from "./live.mjs";
import { relative } from "./time.mjs";
import { useNow } from "./zones.mjs";

const LOOKS = { wanted: "active", succeeded: "good", running: "active", failed: "bad", timedout: "bad", lost: "bad", missed: "bad", stopped: "off", skipped: "off" };

const SIGNS = { wanted: "…", succeeded: "✓", running: "▶", failed: "✗", timedout: "✗", lost: "?", missed: "✗", stopped: "■", skipped: "–" };

const MASK = "id,svctask,state,started,slot";
const AGAIN = 60;
const NEWEST = 100;

/** The state of a run: a word and a sign, not only a colour. */
export function Badge({ state }) {
  return html`<span class="badge ${LOOKS[state] ?? ""}"><span aria-hidden="true">${SIGNS[state]} </span>${state}</span>`;
}

/** The last run in a row of tasks; null if there is none, undefined while it is not known. */
export function State({ run }) {
  const now = useNow();
  if (!run) return html`<span class="muted">${run === null ? "no run" : "…"}</span>`;
  const at = run.started ?? run.slot;
  return html`<a href=${address("runs", run.id)}><${Badge} state=${run.state} /></a>
    <span class="away">${relative(Date.parse(at), now)}</span>`;
}

async function look({ id }, signal) {
  const { data } = await ask("GET", withParameters(`${TASKS}/${id}/runs`, { limit: 1, mask: MASK }), { signal });
  return { run: data[0] ?? null, at: Date.now() };
}

/** The newest run of each task, by id, asked for one by one, and again after a minute. */
export function useNewestRuns(tasks) {
  const now = useNow(AGAIN);
  return useEach(tasks, look, ({ at }) => now - at >= AGAIN * 1000, now);
}

const NONE = [];

/** The newest run of each row, by id, and how to look at once. The newest runs of all rows are
 * asked for together; a task that none of them is of, is asked for on its own. */
export function useLastRuns(rows) {
  const ids = rows.length <= NEWEST ? rows.map((row) => row.id) : null;
  const filter = ids && { svctask: { $in: ids } };
  const live = useLive(rows.length ? withParameters(RUNS, { mask: MASK, limit: NEWEST, filter }) : "");
  const page = live.isLoading ? undefined : live.data;
  const isAll = Boolean(page && ids && live.total <= page.length);
  const others = useMemo(() => {
    if (!page || isAll) return NONE;
    const found = new Set(page.map((run) => run.svctask));
    return rows.filter((row) => !found.has(row.id));
  }, [rows, page, isAll]);
  const single = useNewestRuns(others);
  const seen = useRef(new Map());
  const newest = useMemo(() => {
    const found = new Map();
    for (const { id } of rows) {
      const known = [seen.current.get(id), single.get(id)?.run, page?.find((run) => run.svctask === id)].filter(Boolean);
      // Of one slot, what was found last.
      const last = known.reduce((one, other) => (one && Date.parse(one.slot) > Date.parse(other.slot) ? one : other), null);
      if (last || isAll || single.has(id)) found.set(id, last);
    }
    seen.current = found;
    return found;
  }, [rows, page, isAll, single]);
  return [newest, live.refresh];
}
