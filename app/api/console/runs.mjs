// The view of all runs, and the last runs of one task.

import { address } from "./address.mjs";
import { RUNS, TASKS, whole } from "./api.mjs";
import { html, useMemo } from "./dom.mjs";
import { listingOf } from "./listing.mjs";
import { useLive } from "./live.mjs";
import { Badge } from "./outcomes.mjs";
import { Search } from "./search.mjs";
import { Pages, Table } from "./table.mjs";
import { lasting } from "./time.mjs";
import { Time } from "./zones.mjs";

const PRESETS = [
  { name: "", title: "All" },
  { name: "running", title: "Running", filter: { state: "running" } },
  { name: "failed", title: "Failed", filter: { state: { $in: ["failed", "timedout", "lost"] } } },
  { name: "missed", title: "Missed", filter: { state: "missed" } },
  { name: "skipped", title: "Skipped", filter: { state: "skipped" } },
];

const number = (run) => (run.count > 1 ? html` <span class="away">${String(run.count)} times</span>` : "");

const COLUMNS = [
  { name: "name", title: "Task", order: "name", cell: (run) => html`<a href=${address("runs", run.id)}>${run.name || run.svctask}</a>` },
  { name: "state", width: 10, title: "State", order: "state", cell: (run) => html`<${Badge} state=${run.state} />${number(run)}` },
  { name: "started", width: 15, title: "Started", order: "started", cell: (run) => html`<${Time} at=${run.started ?? run.slot} />` },
  { name: "duration", width: 7, title: "Duration", order: "duration", cell: (run) => (run.duration === undefined ? "" : lasting(Number(run.duration))) },
  { name: "cause", width: 6.5, title: "Cause", order: "cause", cell: (run) => run.cause },
  { name: "code", width: 9, title: "Script", order: "code", cell: (run) => html`<code>${run.code}</code>` },
  { name: "reason", width: 15, title: "Result", cell: (run) => run.reason || run.lastline || "" },
];

export function Runs({ query, go }) {
  const { q = "", order = "", show = "" } = query;
  const preset = PRESETS.find((each) => each.name === show) ?? PRESETS[0];
  const listing = useMemo(() => listingOf({ q, order, page: query.page, size: query.size }, preset.filter), [q, order, query.page, query.size, preset]);
  const { page, size, filter, fault, parameters } = listing;
  const live = useLive(listing.pathAt(RUNS));
  return html`
    <div class="title"><h1 tabindex="-1">Runs</h1></div>
    <nav class="presets" aria-label="Runs that are shown">
      ${PRESETS.map(({ name, title }) => html`<a key=${name} href=${address("runs", "", { show: name })} aria-current=${name === show ? "true" : undefined}>${title}</a>`)}
    </nav>
    <${Search} search=${q} filter=${filter} fault=${fault} problem=${live.problem} url=${whole(RUNS)} parameters=${parameters}
      examples=${["state:failed", "code:mail", "exitcode>0"]} onSearch=${(text) => go({ q: text, page: "" }, true)} />
    <${Table} caption="Runs" columns=${COLUMNS} rows=${live.data ?? []} keyOf=${(run) => run.id} order=${order} onOrder=${(next) => go({ order: next, page: "" })}
      isLoading=${live.isLoading} empty=${fault || live.problem?.status === 400 ? "The search has a fault." : filter ? "No run is like that." : "Nothing has run yet."} />
    <${Pages} total=${live.total} page=${page} size=${size} go=${go} noun="Runs" />
  `;
}

/** The last runs of a task, beside its form. */
export function RunsOfTask({ id }) {
  const { data, problem } = useLive(`${TASKS}/${id}/runs?limit=10`);
  return html`<section class="panel" aria-labelledby="runs-title">
    <h2 id="runs-title">Last runs</h2>
    ${problem && html`<p class="fault">${problem.message}</p>`}
    ${data?.length === 0 && html`<p class="muted">It has not run yet.</p>`}
    <ul class="last">
      ${(data ?? []).map((run) => html`<li key=${run.id}>
        <a href=${address("runs", run.id)}><${Badge} state=${run.state} /></a> <${Time} at=${run.started ?? run.slot} />
        ${run.lastline && html`<code>${run.lastline}</code>`}
      </li>`)}
    </ul>
  </section>`;
}
