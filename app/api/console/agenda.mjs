// What starts in the next hours: all tasks on one time line, and the same as a table.

import { address, withParameters } from "./address.mjs";
import { TASKS } from "./api.mjs";
import { html, useMemo } from "./dom.mjs";
import { useLive } from "./live.mjs";
import { scaleOf } from "./scale.mjs";
import { Table } from "./table.mjs";
import { clock, shown } from "./time.mjs";
import { Axis, LEAST_WIDTH, useWidth } from "./timeline.mjs";
import { counted } from "./words.mjs";
import { Time, useNow, useZone } from "./zones.mjs";

const HOUR = 3600000;
const MOST = 1000;
const MOST_IN_TABLE = 50;
const SPANS = [1, 6, 24, 168];
const NAMES = { 1: "hour", 6: "6 hours", 24: "day", 168: "week" };
const ROW = 30;
const TOP = 26;
const MOST_ROWS = 40;

const isLater = ({ slot, start }) => slot !== start;

const COLUMNS = [
  { name: "start", title: "Start", cell: (row) => html`<${Time} at=${row.start} />` },
  { name: "name", title: "Task", cell: (row) => html`<a href=${address("tasks", row.svctask)}>${row.name}</a>${row.why && html`<span class="help" title=${row.why}> but ${row.why}</span>`}` },
  { name: "slot", title: "Slot", cell: (row) => (!isLater(row) ? "" : html`<${Time} at=${row.slot} away=${false} />`) },
];

export function Agenda({ query, go }) {
  const hours = SPANS.includes(Number(query.hours)) ? Number(query.hours) : 24;
  const now = useNow(30);
  // A new question only when the minute is another, so that nothing flickers.
  const from = Math.floor(now / 60000) * 60000;
  const until = from + hours * HOUR;
  const path = withParameters(`${TASKS}/next`, { from: new Date(from).toISOString(), until: new Date(until).toISOString(), limit: MOST });
  const live = useLive(path, { every: 15000 });
  const starts = live.data?.starts ?? [];
  const rows = useMemo(() => lanes(starts), [live.data]);
  return html`
    <div class="title"><h1 tabindex="-1">Agenda</h1></div>
    <nav class="presets" aria-label="How far ahead">
      ${SPANS.map((each) => html`<a key=${each} href=${address("agenda", "", { hours: each })} aria-current=${each === hours ? "true" : undefined}>Next ${NAMES[each]}</a>`)}
    </nav>
    ${live.problem && html`<p class="fault" role="alert">${live.problem.message}</p>`}
    ${live.data && html`<p class="muted">${live.data?.is_more ? "The first " : ""}${counted(starts.length, "start")} of ${counted(rows.length, "task")}${live.data?.is_more ? "; there are more" : ""}</p>`}
    ${live.data?.why && html`<p class="why">But ${live.data.why}.</p>`}
    ${live.data && html`<section class="panel" aria-label="Time line"><${Day} rows=${rows.slice(0, MOST_ROWS)} reach=${[from, until]} />
      ${rows.length > MOST_ROWS && html`<p class="help">${counted(rows.length - MOST_ROWS, "further task")} in the table below.</p>`}
    </section>`}
    <${Table} caption="Next starts" columns=${starts.some(isLater) ? COLUMNS : COLUMNS.slice(0, 2)} rows=${starts.slice(0, MOST_IN_TABLE)} keyOf=${(row) => `${row.svctask} ${row.slot}`} isLoading=${live.isLoading && !live.data} empty="Nothing starts." />
    ${starts.length > MOST_IN_TABLE && html`<p class="help">The table has the first ${MOST_IN_TABLE}.</p>`}
  `;
}

/** A row for each task, in the order of the first starts. */
function lanes(starts) {
  const found = new Map();
  for (const { svctask, name, start } of starts) {
    if (!found.has(svctask)) found.set(svctask, { id: svctask, name, moments: [] });
    found.get(svctask).moments.push(Date.parse(start));
  }
  return [...found.values()];
}

function Day({ rows, reach }) {
  const zone = useZone();
  const [place, width] = useWidth();
  const scale = scaleOf(reach, Math.max(width, LEAST_WIDTH), [], false);
  const height = TOP + rows.length * ROW;
  return html`<div ref=${place}>
    <svg width=${width} height=${height + 4} role="group" aria-label="Starts of tasks, a row each">
      <${Axis} scale=${scale} height=${height} zone=${zone} />
      ${rows.map(({ id, name, moments }, number) => html`<a key=${id} href=${address("tasks", id)} class="line"
        aria-label="${name}: ${counted(moments.length, "start")}, the first ${shown(moments[0], zone)}">
        <rect class="hit" x="0" width=${width} y=${TOP + number * ROW} height=${ROW} />
        <text x="4" y=${TOP + number * ROW + 12}>${name.length > 60 ? `${name.slice(0, 59)}…` : name}</text>
        ${moments.map((moment) => html`<rect key=${moment} class="start" x=${scale.x(moment) - 2} width="4" y=${TOP + number * ROW + 16} height="10"><title>${name}: ${clock(moment, zone)}</title></rect>`)}
      </a>`)}
    </svg>
  </div>`;
}
