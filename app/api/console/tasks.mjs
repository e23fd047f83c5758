// The view of all service tasks.

import { address, withParameters } from "./address.mjs";
import { Problem, TASKS, ask, whole } from "./api.mjs";
import { Button } from "./button.mjs";
import { csv } from "./csv.mjs";
import { Confirmation } from "./dialog.mjs";
import { html, useMemo, useRef, useState } from "./dom.mjs";
import { same, stringify } from "./exact.mjs";
import { useKeys } from "./keys.mjs";
import { listingOf } from "./listing.mjs";
import { useLive } from "./live.mjs";
import { complain, say } from "./messages.mjs";
import { State, useLastRuns } from "./outcomes.mjs";
import { PRESETS, usePreset } from "./presets.mjs";
import { Search } from "./search.mjs";
import { toEach, useSelection } from "./selection.mjs";
import { NextStart, useNextStarts } from "./starts.mjs";
import { Columns, Pages, Table, save } from "./table.mjs";
import { lasting } from "./time.mjs";
import { counted } from "./words.mjs";
import { Time } from "./zones.mjs";

const SHOWN = ["name", "isenabled", "next", "last", "svcscriptcode", "intervalsec", "schedule"];

function columnsOf(nexts, runs) {
  return [
    { name: "name", title: "Name", order: "name", cell: (row) => html`<a href=${address("tasks", row.id)}>${row.name}</a>` },
    { name: "isenabled", width: 7.5, title: "State", order: "isenabled", cell: (row) => html`<span class="badge ${row.isenabled ? "good" : "off"}">${row.isenabled ? "enabled" : "disabled"}</span>` },
    { name: "next", style: "tall", width: 16, title: "Next start", cell: (row) => html`<${NextStart} next=${nexts.get(row.id)} />` },
    { name: "last", width: 11, title: "Last run", cell: (row) => html`<${State} run=${runs?.get(row.id)} />` },
    { name: "svcscriptcode", width: 9, title: "Script", order: "svcscriptcode", cell: (row) => html`<code>${row.svcscriptcode}</code>` },
    { name: "intervalsec", width: 6.5, title: "Every", order: "intervalsec", cell: (row) => (row.isregular ? lasting(Number(row.intervalsec) * 1000) : "once") },
    { name: "schedule", width: 7.5, title: "Schedule", order: "schedule", cell: (row) => row.schedule },
    { name: "sitemode", width: 7, title: "Sites", order: "sitemode", cell: (row) => row.sitemode },
    { name: "overlap", width: 6, title: "Overlap", order: "overlap", cell: (row) => (row.overlap ? "yes" : "no") },
    { name: "dtstart", width: 15, title: "Start", order: "dtstart", cell: (row) => (row.dtstart ? html`<${Time} at=${row.dtstart} away=${false} />` : "") },
    { name: "dtstop", width: 15, title: "Stop", order: "dtstop", cell: (row) => (row.dtstop ? html`<${Time} at=${row.dtstop} away=${false} />` : "") },
    { name: "ext.lwt", width: 15, title: "Changed", order: "ext.lwt", cell: (row) => html`<${Time} at=${row.ext.lwt} />` },
    { name: "ext.ct", width: 15, title: "Created", order: "ext.ct", cell: (row) => html`<${Time} at=${row.ext.ct} />` },
    { name: "id", width: 21, title: "Id", order: "id", cell: (row) => html`<code>${row.id}</code>` },
  ];
}

/** The tag of a task that is still as ``row`` shows it; raises Problem if it is not. */
async function tagOf(row) {
  const { data, tag } = await ask("GET", `${TASKS}/${row.id}`);
  const isSame = data.ext.lwt === row.ext.lwt && Object.keys(row).every((name) => name === "ext" || same(row[name], data[name]));
  if (!isSame) throw new Problem(412, "Somebody else changed this task.");
  return tag;
}

const path = (row) => `${TASKS}/${row.id}`;

const keyOf = (row) => row.id;

const NONE = [];

export function Tasks({ query, go }) {
  const { q = "", order = "", cols, show = "" } = query;
  const preset = usePreset(show);
  const listing = useMemo(() => listingOf({ q, order, page: query.page, size: query.size }, preset.filter), [q, order, query.page, query.size, preset.filter]);
  const { page, size, filter, fault, parameters } = listing;
  const isReady = preset.filter !== undefined;
  const live = useLive(isReady ? listing.pathAt(TASKS) : "");
  const isLoading = live.isLoading || (!isReady && !preset.problem);
  const rows = live.data ?? NONE;
  const nexts = useNextStarts(rows);
  const [runs, lookAtRuns] = useLastRuns(rows);
  const all = columnsOf(nexts, runs);
  const shown = ["name", ...(cols?.split(",") ?? SHOWN)];
  const selection = useSelection(rows, keyOf);
  const { chosen } = selection;
  const [isWorking, setWorking] = useState(false);
  const [doomed, setDoomed] = useState(null);
  const view = useRef(null);

  async function ofAll(those, what, act) {
    setWorking(true);
    const { done, left, texts } = await toEach(those, act);
    setWorking(false);
    live.refresh();
    lookAtRuns();
    if (left) complain(`${counted(done, "task")} ${what}, ${left} not: ${texts.join("; ")}`);
    else say(`${counted(done, "task")} ${what}.`);
  }

  const enable = (isenabled) => async (row) => {
    const { data } = await ask("PATCH", path(row), { body: { isenabled }, match: await tagOf(row) });
    const changed = { ...row, isenabled: data.isenabled, ext: { ...row.ext, lwt: data.ext.lwt } };
    live.replace((known) => known?.map((each) => (each.id === row.id ? changed : each)));
    selection.renew(changed);
  };

  const run = (row) => ask("POST", `${path(row)}/run`, {});

  async function remove(row) {
    await ask("DELETE", path(row), { match: await tagOf(row) });
    selection.drop(row);
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
    e: () => {
      const row = focused();
      if (row) ofAll([row], row.isenabled ? "disabled" : "enabled", enable(1 - row.isenabled));
    },
    ".": () => focused() && ofAll([focused()], "started", run),
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

  const button = (title, act, style = "") => html`<${Button} class=${style} isOff=${!chosen.length || isWorking} onClick=${act}>${title}<//>`;
  return html`<div ref=${view}>
    <div class="title">
      <h1 tabindex="-1">Service tasks</h1>
      <a class="button primary" href=${address("tasks", "new")}>New task</a>
    </div>
    <nav class="presets" aria-label="Tasks that are shown">
      ${PRESETS.map(({ name, title }) => html`<a key=${name} href=${address("tasks", "", { show: name })} aria-current=${name === show ? "true" : undefined}>${title}</a>`)}
    </nav>
    ${preset.note && html`<p class="help">${preset.note}</p>`}
    <${Search} search=${q} filter=${filter} fault=${fault} problem=${live.problem} url=${whole(TASKS)} parameters=${parameters}
      onSearch=${(text) => go({ q: text, page: "" }, true)} />
    ${(isReady || preset.problem) && html`
      <div class="toolbar">
        <div role="group" aria-label="Selected tasks" class="chosen">
          <span>${counted(chosen.length, "task")} selected</span>
          ${button("Enable", () => ofAll(chosen, "enabled", enable(1)))}
          ${button("Disable", () => ofAll(chosen, "disabled", enable(0)))}
          ${button("Run", () => ofAll(chosen, "started", run))}
          ${button("Delete", () => setDoomed(chosen), "danger")}
        </div>
        <div class="chosen">
          <${Columns} all=${all} shown=${shown} onChange=${(names) => go({ cols: names.join(",") })} />
          <button type="button" onClick=${() => exportAs("csv")}>CSV</button>
          <button type="button" onClick=${() => exportAs("json")}>JSON</button>
        </div>
      </div>
      ${(preset.problem || isRefused(live.problem)) && html`<p class="fault" role="alert">${(preset.problem ?? live.problem).message}</p>`}
      <${Table} caption="Service tasks" columns=${all.filter((each) => shown.includes(each.name))} rows=${rows} keyOf=${keyOf}
        labelOf=${(row) => row.name} order=${order} onOrder=${(next) => go({ order: next, page: "" })} isLoading=${isLoading} selection=${selection}
        empty=${fault || live.problem?.status === 400 ? "The search has a fault." : filter ? "No task is like that." : html`There is no task yet. <a href=${address("tasks", "new")}>Make the first one.</a>`} />
      <${Pages} total=${live.total} isLeast=${live.isLeast} page=${page} size=${size} go=${go} noun="Tasks" />
    `}
    ${doomed && html`<${Confirmation} title="Delete ${counted(doomed.length, "task")}?" action="Delete" onClose=${() => setDoomed(null)}
      onConfirm=${() => (setDoomed(null), ofAll(doomed, "deleted", remove))}>
      <p>This cannot be undone: ${doomed.map((row) => row.name).slice(0, 10).join(", ")}${doomed.length > 10 && ` and ${doomed.length - 10} more`}</p>
    <//>`}
  </div>`;
}

/** What the search does not say already, and no notice that the server is away. */
const isRefused = (problem) => problem && problem.status !== 0 && problem.status !== 400;
