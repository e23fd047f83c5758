// A time line: bars that are links, with the same facts in their names for screen readers.

import { html, useEffect, useId, useRef, useState } from "./dom.mjs";
import { moments, reach } from "./lanes.mjs";
import { marksOf, scaleOf } from "./scale.mjs";
import { DAY, clock, lasting, shown } from "./time.mjs";
import { useZone } from "./zones.mjs";

const ROW = { service: 40, state: 40, task: 30 };
const BAR = { service: 16, state: 16, task: 9 };
const TOP = 26;
const LEAST = 3;

/** Until the width is known. */
export const LEAST_WIDTH = 100;

/** The width of an element, as it changes. */
export function useWidth() {
  const place = useRef(null);
  const [width, set] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => set(Math.floor(entry.contentRect.width)));
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return [place, width];
}

/** The lines and names of a few moments across a drawing. */
export function Axis({ scale, height, zone }) {
  return html`<g class="axis" aria-hidden="true">
    ${scale.cuts.map((cut) => html`<rect class="cut" key=${`cut ${cut.start}`} x=${scale.x(cut.start)} width=${scale.x(cut.end) - scale.x(cut.start)} y=${TOP - 6} height=${height} />`)}
    ${marksOf(scale, zone).map(({ moment, x, step }) => html`<g key=${moment}>
      <line x1=${x} x2=${x} y1=${TOP - 6} y2=${height} />
      <text x=${x + 3} y=${TOP - 10}>${markName(moment, step, zone)}</text>
    </g>`)}
  </g>`;
}

function markName(moment, step, zone) {
  const [, day, year] = /^\w+ (\d+ \w+) (\d+),/.exec(shown(moment, zone));
  const time = clock(moment, zone);
  if (!step) return `${day} ${year}, ${time}`;
  if (step < DAY && time !== "00:00") return time;
  return step > 90 * DAY ? `${day} ${year}` : day;
}

/** What a bar is called, in full. */
export function nameOf(bar, zone, now) {
  const end = bar.end === null ? `still active after ${lasting(now - bar.start)}` : `completed ${shown(bar.end, zone)} after ${lasting(bar.end - bar.start)}`;
  const late = bar.isOverdue ? `, overdue since ${shown(bar.due, zone)}` : bar.due === null ? "" : `, expected until ${shown(bar.due, zone)}`;
  return `${bar.kind} ${bar.id}, type ${bar.type}, started ${shown(bar.start, zone)}, ${end}${late}`;
}

export function TimeLine({ bars, now, chosen, addressOf }) {
  const zone = useZone();
  const [place, width] = useWidth();
  const [zoom, setZoom] = useState(null);
  const [areGapsCut, setCut] = useState(true);
  const id = useId().replace(/\W/g, "");
  const all = reach(bars, now);
  const [first, last] = zoom ?? all;
  const shownReach = [first, last];
  const scale = scaleOf(shownReach, Math.max(width, LEAST_WIDTH), moments(bars, now), areGapsCut);
  let y = TOP;
  const rows = bars.map((bar) => {
    const row = { bar, y };
    y += ROW[bar.kind];
    return row;
  });

  const by = (factor, shift) => {
    const [middle, half] = [(first + last) / 2 + shift * (last - first), Math.max(((last - first) / 2) * factor, 50)];
    setZoom([middle - half, middle + half]);
  };
  const actions = { "+": () => by(0.5, 0), "-": () => by(2, 0), ArrowLeft: () => by(1, -0.25), ArrowRight: () => by(1, 0.25), 0: () => setZoom(null) };
  const press = (event) => {
    if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
  };

  return html`<div class="timeline" onKeyDown=${press}>
    <div class="bar-of" role="group" aria-label="Zoom of the time line; keys + - 0 and arrows">
      <button type="button" onClick=${actions["+"]}>Zoom in</button>
      <button type="button" onClick=${actions["-"]}>Zoom out</button>
      <button type="button" onClick=${actions.ArrowLeft}>Earlier</button>
      <button type="button" onClick=${actions.ArrowRight}>Later</button>
      <button type="button" onClick=${actions[0]}>All</button>
      <label class="check"><input type="checkbox" checked=${areGapsCut} onChange=${(event) => setCut(event.target.checked)} /> Cut gaps of more than a day</label>
    </div>
    <div ref=${place}>
      <svg width=${width} height=${y + 4} role="group" aria-label="Time line of the service">
        <defs>
          <pattern id="${id}late" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="3" height="6" class="late" /></pattern>
          <linearGradient id="${id}open"><stop offset="0" class="open-from" /><stop offset="1" class="open-to" /></linearGradient>
        </defs>
        <${Axis} scale=${scale} height=${y} zone=${zone} />
        ${rows.map((row) => html`<${BarOf} key=${row.bar.key} ...${row} id=${id} scale=${scale} last=${last} now=${now} zone=${zone} width=${width}
          isChosen=${row.bar.key === chosen} href=${addressOf(row.bar)} />`)}
        <line class="at-now" x1=${scale.x(now)} x2=${scale.x(now)} y1=${TOP - 6} y2=${y} aria-hidden="true" />
      </svg>
    </div>
  </div>`;
}

function BarOf({ bar, y, id, scale, last, now, zone, width, isChosen, href }) {
  const [left, right] = [scale.x(bar.start), scale.x(bar.end ?? Math.max(now, bar.start))];
  const height = BAR[bar.kind];
  const top = y + 18;
  const due = bar.due === null ? null : scale.x(bar.due);
  const length = Math.max(LEAST, right - left);
  const label = `${bar.kind} ${bar.type} · ${lasting((bar.end ?? now) - bar.start)}${bar.isOverdue ? " · overdue" : ""}`;
  return html`<a href=${href} class="line ${bar.kind} ${bar.end === null ? "open" : ""}" aria-label=${nameOf(bar, zone, now)} aria-current=${isChosen ? "true" : undefined}>
    <rect class="hit" x="0" width=${width} y=${y} height=${ROW[bar.kind]} />
    <text x=${Math.min(Math.max(left, 0), Math.max(0, width - label.length * 7.5)) + 1} y=${y + 13}>${label}</text>
    <rect class="body" x=${left} width=${length} y=${top} height=${height} rx="3" fill=${bar.end === null ? `url(#${id}open)` : undefined} />
    ${bar.isOverdue && html`<rect class="paper" x=${due} width=${Math.max(0, right - due)} y=${top} height=${height} />
      <rect class="late-part" x=${due} width=${Math.max(0, right - due)} y=${top} height=${height} fill="url(#${id}late)" />`}
    ${due !== null && bar.due <= last && html`<path class="notch" d="M${due} ${top - 3}v${height + 6}M${due - 4} ${top - 4}h8" />`}
    <title>${nameOf(bar, zone, now)}</title>
  </a>`;
}
