// The view of all service tasks.

import { address } from "./address.mjs";
import { RUNS, TASKS, ask, whole, withParameters } from "./api.mjs";
import { csv } from "./csv.mjs";
import { Confirmation } from "./dialog.mjs";
import { html, useMemo, useRef, useState } from "./dom.mjs";
import { stringify } from "./exact.mjs";
import { both, filterOf } from "./filter.mjs";
import { useKeys } from "./keys.mjs";
import { useLive } from "./live.mjs";
import { complain, say } from "./messages.mjs";
import { State, useLastRuns } from "./outcomes.mjs";
import { Search } from "./search.mjs";
import { NextStart, useNextStarts } from "./starts.mjs";
import { Columns, Pages, Table, save } from "./table.mjs";
import { lasting } from "./time.mjs";
import { counted } from "./words.mjs";
import { Time } from "./zones.mjs";

const SHOWN = ["name", "isenabled", "next", "last", "svcscriptcode", "intervalsec", "schedule"];

const FAILED = ["failed", "timedout", "lost"];

/** Tasks that are enabled and can have no start at all, as far as a filter can say it. */
const never = () => ({
  isenabled: 1,
  $or: [{ dtstop: { $ne: "", $lt: new Date().toISOString() } }, { isregular: 1, intervalsec: 0 }],
});

/** What the links above the table look for; "failed" and "overdue" are those of some runs. */
const PRESETS = [
  { name: "", title: "All" },
  { name: "disabled", title: "Disabled", filter: () => ({ isenabled: 0 }) },
  { name: "failed", title: "Failed last", states: FAILED },
  { name: "overdue", title: "Overdue", states: ["missed"] },
  { name: "never", title: "Never starts", filter: never },
];

function columnsOf(nexts, runs) {
  return [
    { name: "name", title: "Name", order: "name", cell: (row) => html`<a href=${address("tasks", row.id)}>${row.name}</a>` },
    { name: "isenabled", width: 7.5, title: "State", order: "isenabled", cell: (row) => html`<span class="badge ${row.isenabled ? "good" : "off"}">${row.isenabled ? "enabled" : "disabled"}</span>` },
    { name: "next", width: 16, title: "Next start", cell: (row) => html`<${NextStart} next=${nexts.get(row.id)} />` },
    { name: "last", width: 11, title: "Last run", cell: (row) => html`<${State} run=${runs?.get(row.id)} />` },
    { name: "svcscriptcode", width: 9, title: "Script", order: "svcscriptcode", cell: (row) => html`<code>${row.svcscriptcode}</code>` },
    { name: "intervalsec", width: 6.5, title: "Every", order: "intervalsec", cell: (row) => (row.isregular ? lasting(Number(row.intervalsec) * 1000) : "once") },
    { name: "schedule", width: 7.5, title: "Schedule", order: "schedule", cell: (row) => row.schedule },
    { name: "sitemode", width: 7, title: "Sites", order: "sitemode", cell: (row) => row.sitemode },
    { name: "overlap", width: 6, title: "Overlap", order: "overlap", cell: (row) => (row.overlap ? "yes" : "no") },
    { name: "dtstart", width: 15, title: "Start", order: "dtstart", cell: (row) => html`<${Time} at=${row.dtstart} away=${false} />` },
    { name: "dtstop", width: 15, title: "Stop", order: "dtstop", cell: (row) => html`<${Time} at=${row.dtstop} away=${false} />` },
    { name: "ext.lwt", width: 15, title: "Changed", order: "ext.lwt", cell: (row) => html`<${Time} at=${row.ext.lwt} />` },
    { name: "ext.ct", width: 15, title: "Created", order: "ext.ct", cell: (row) => html`<${Time} at=${row.ext.ct} />` },
    { name: "id", width: 21, title: "Id", order: "id", cell: (row) => html`<code>${row.id}</code>` },
  ];
}

const orderOf = (order) => (order.startsWith("-") ? { [order.slice(1)]: "desc" } : order);

/** The filter of a search, or why there is none. */
function read(search) {
  try {
    return { filter: filterOf(search) };
  } catch (error) {
    return { fault: `This is no JSON: ${error.message}` };
  }
}

/** The ids of the tasks whose newest run is in one of ``states``; none while it is not known. */
function useIdsOfRuns(states) {
  const path = states ? withParameters(RUNS, { mask: "id,svctask,state", limit: 20000 }) : "";
  const { data } = useLive(path, { every: 10000 });
  return useMemo(() => {
    if (!states || !data) return states ? undefined : null;
    const newest = new Map();
    for (const run of data) if (!newest.has(run.svctask)) newest.set(run.svctask, run.state);
    return [...newest].filter(([, state]) => states.includes(state)).map(([id]) => id).slice(0, 100);
  }, [data, states]);
}

export function Tasks({ query, go }) {
  const { q = "", order = "", page: pageText, size: sizeText, cols, show = "" } = query;
  const page = Math.max(1, Number(pageText) || 1);
  const size = Number(sizeText) || 25;
  const preset = PRESETS.find((each) => each.name === show) ?? PRESETS[0];
  const ids = useIdsOfRuns(preset.states);
  const asked = useMemo(() => read(q), [q]);
  const presetFilter = useMemo(() => preset.filter?.() ?? (ids ? { id: { $in: ids } } : null), [preset, ids]);
  const filter = asked.fault ? null : both([presetFilter, asked.filter]);
  const parameters = { filter: filter && stringify(filter), order: order && stringify(orderOf(order)) };
  const isReady = !asked.fault && ids !== undefined;
  const path = withParameters(TASKS, { ...parameters, limit: size, offset: (page - 1) * size || "" });
  const live = useLive(isReady ? path : "");
  const rows = live.data ?? [];
  const nexts = useNextStarts(rows);
  const [runs, lookAtRuns] = useLastRuns(rows);
  const all = columnsOf(nexts, runs);
  const shown = ["name", ...(cols?.split(",") ?? SHOWN)];
  const selection = useSelection();
  const [isDeleting, setDeleting] = useState(false);
  const view = useRef(null);

  async function ofAll(ids, what, act) {
    const faults = [];
    for (const id of ids) {
      try {
        await act(id);
      } catch (problem) {
        faults.push(problem.message);
      }
    }
    live.refresh();
    lookAtRuns();
    const done = ids.length - faults.length;
    if (faults.length) complain(`${counted(done, "task")} ${what}, ${faults.length} not: ${[...new Set(faults)].slice(0, 3).join("; ")}`);
    else say(`${counted(done, "task")} ${what}.`);
  }

  async function enable(id, isenabled) {
    const { data } = await ask("PATCH", `${TASKS}/${id}`, { body: { isenabled } });
    live.replace((known) => known?.map((row) => (row.id === id ? { ...row, isenabled: data.isenabled, ext: data.ext } : row)));
  }

  const run = (id) => ask("POST", `${TASKS}/${id}/run`, {});

  async function remove(id) {
    await ask("DELETE", `${TASKS}/${id}`);
    selection.set([...selection.keys].filter((each) => each !== id));
  }

  const focused = () => rows.find((row) => row.id === document.activeElement?.closest("tr")?.dataset.key);
  const step = (by) => {
    const links = [...view.current.querySelectorAll("tbody th a")];
    const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
    links[Math.min(links.length - 1, Math.max(0, at + by))]?.focus();
  };
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    n: () => (location.hash = address("tasks", "new")),
    e: () => focused() && ofAll([focused().id], focused().isenabled ? "disabled" : "enabled", (id) => enable(id, 1 - focused().isenabled)),
    ".": () => focused() && ofAll([focused().id], "started", run),
  });

  async function exportAs(form) {
    const columns = all.map((each) => each.order).filter(Boolean);
    try {
      const { data } = await ask("GET", withParameters(TASKS, { ...parameters, flat: form === "csv" ? "true" : "" }));
      if (form === "csv") save("svctasks.csv", "text/csv", csv(columns, data));
      else save("svctasks.json", "application/json", stringify(data, 2));
    } catch (problem) {
      complain(problem);
    }
  }

  const chosen = [...selection.keys];
  return html`<div ref=${view}>
    <div class="title">
      <h1 tabindex="-1">Service tasks</h1>
      <a class="button primary" href=${address("tasks", "new")}>New task</a>
    </div>
    <nav class="presets" aria-label="Tasks that are shown">
      ${PRESETS.map(({ name, title }) => html`<a key=${name} href=${address("tasks", "", { show: name })} aria-current=${name === show ? "true" : undefined}>${title}</a>`)}
    </nav>
    <${Search} search=${q} filter=${filter} fault=${asked.fault} problem=${live.problem} url=${whole(TASKS)} parameters=${parameters}
      onSearch=${(text) => go({ q: text, page: "" }, true)} />
    <div class="toolbar">
      <div role="group" aria-label="Selected tasks" class="chosen">
        <span>${counted(chosen.length, "task")} selected</span>
        <button type="button" disabled=${!chosen.length} onClick=${() => ofAll(chosen, "enabled", (id) => enable(id, 1))}>Enable</button>
        <button type="button" disabled=${!chosen.length} onClick=${() => ofAll(chosen, "disabled", (id) => enable(id, 0))}>Disable</button>
        <button type="button" disabled=${!chosen.length} onClick=${() => ofAll(chosen, "started", run)}>Run</button>
        <button type="button" disabled=${!chosen.length} class="danger" onClick=${() => setDeleting(true)}>Delete</button>
      </div>
      <div class="chosen">
        <${Columns} all=${all} shown=${shown} onChange=${(names) => go({ cols: names.join(",") })} />
        <button type="button" onClick=${() => exportAs("csv")}>CSV</button>
        <button type="button" onClick=${() => exportAs("json")}>JSON</button>
      </div>
    </div>
    <${Table} caption="Service tasks" columns=${all.filter((each) => shown.includes(each.name))} rows=${rows} keyOf=${(row) => row.id}
      labelOf=${(row) => row.name} order=${order} onOrder=${(next) => go({ order: next, page: "" })} isLoading=${live.isLoading} selection=${selection}
      empty=${filter ? "No task is like that." : html`There is no task yet. <a href=${address("tasks", "new")}>Make the first one.</a>`} />
    <${Pages} total=${live.total || 0} page=${page} size=${size} go=${go} noun="Tasks" />
    ${isDeleting && html`<${Confirmation} title="Delete ${counted(chosen.length, "task")}?" action="Delete" onClose=${() => setDeleting(false)}
      onConfirm=${() => (setDeleting(false), ofAll(chosen, "deleted", remove))}>
      <p>This cannot be undone: ${rows.filter((row) => selection.has(row.id)).map((row) => row.name).slice(0, 10).join(", ")}</p>
    <//>`}
  </div>`;
}

function useSelection() {
  const [keys, setKeys] = useState(new Set());
  return {
    keys,
    has: (key) => keys.has(key),
    set: (all) => setKeys(new Set(all)),
    toggle: (key) => setKeys((known) => {
      const next = new Set(known);
      if (!next.delete(key)) next.add(key);
      return next;
    }),
  };
}
