// Periods of a week: a list that is the truth, and a grid above it to draw in.

import { html, useRef, useState } from "./dom.mjs";
import { CELLS, DAYS, STEP, cells, minutesOf, onWeekdays, withStretch, withoutStretch, written } from "./periods.mjs";

const COVERED = { all: "on", part: "partly on", none: "off" };

export function WeekGrid({ periods, onChange }) {
  return html`
    <${Grid} periods=${periods} onChange=${onChange} />
    <ul class="periods">
      ${periods.map((period, number) => html`<${Row} key=${number} period=${period} number=${number} periods=${periods} onChange=${onChange} />`)}
    </ul>
    <button type="button" onClick=${() => onChange([...periods, { dow: 1, timestart: 540, timestop: 1080 }])}>Add a period</button>
  `;
}

function Row({ period, number, periods, onChange }) {
  const replace = (change) => onChange(periods.map((each, other) => (other === number ? { ...each, ...change } : each)));
  const remove = () => onChange(periods.filter((_, other) => other !== number));
  const name = `period ${number + 1}`;
  return html`<li>
    <select aria-label="Day of ${name}" value=${period.dow} onChange=${(event) => replace({ dow: Number(event.target.value) })}>
      ${DAYS.map((day, index) => html`<option key=${day} value=${index + 1}>${day}</option>`)}
    </select>
    <span class="span"><${Minutes} label="Begin of ${name}" value=${period.timestart} onChange=${(timestart) => replace({ timestart })} />
    <span aria-hidden="true">–</span>
    <${Minutes} label="End of ${name}" value=${period.timestop} onChange=${(timestop) => replace({ timestop })} /></span>
    <button type="button" onClick=${() => onChange(onWeekdays(periods, period.dow))} aria-label="Copy ${DAYS[period.dow - 1]} to Monday to Friday">Copy to weekdays</button>
    <button type="button" onClick=${remove} aria-label="Remove ${name}">Remove</button>
  </li>`;
}

function Minutes({ label, value, onChange }) {
  const [text, setText] = useState(null);
  const isWrong = text !== null && Number.isNaN(minutesOf(text));
  const read = (typed) => {
    setText(typed);
    const minutes = minutesOf(typed);
    if (!Number.isNaN(minutes)) onChange(minutes);
  };
  return html`<input type="text" class="minutes" aria-label=${label} inputmode="numeric" autocomplete="off" maxlength="5"
    aria-invalid=${isWrong ? "true" : undefined} value=${text ?? written(value)}
    onInput=${(event) => read(event.target.value)} onBlur=${() => setText(null)} />`;
}

/** A row for each day, a cell for each half hour. One cell can be tabbed to; the arrows move,
 * Space switches; Shift with an arrow makes the next one as this. */
function Grid({ periods, onChange }) {
  const [at, setAt] = useState({ day: 0, cell: 18 });
  const anchor = useRef(null);
  const drag = useRef(null);
  const grid = useRef(null);

  function write(day, one, other, isOn) {
    const [first, last] = one < other ? [one, other] : [other, one];
    const change = isOn ? withStretch : withoutStretch;
    onChange(change(periods, day + 1, first * STEP, (last + 1) * STEP));
  }

  const isOn = (day, cell) => cells(periods, day + 1)[cell] === "all";

  function move(event) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      anchor.current = null;
      return write(at.day, at.cell, at.cell, !isOn(at.day, at.cell));
    }
    let { day, cell } = at;
    if (event.key === "Home") cell = 0;
    else if (event.key === "End") cell = CELLS - 1;
    else if (steps[event.key]) {
      day = Math.min(6, Math.max(0, day + steps[event.key][0]));
      cell = Math.min(CELLS - 1, Math.max(0, cell + steps[event.key][1]));
    } else return undefined;
    event.preventDefault();
    if (event.shiftKey && day === at.day) {
      anchor.current ??= { cell: at.cell, isOn: isOn(at.day, at.cell) };
      write(day, anchor.current.cell, cell, anchor.current.isOn);
    } else anchor.current = null;
    setAt({ day, cell });
    grid.current.querySelector(`[data-at="${day}-${cell}"]`).focus();
    return undefined;
  }

  const place = (event) => /^(\d+)-(\d+)$/.exec(document.elementFromPoint(event.clientX, event.clientY)?.dataset.at ?? "");

  function press(event) {
    const found = place(event);
    if (!found || event.button) return;
    const [day, cell] = [Number(found[1]), Number(found[2])];
    drag.current = { day, cell, isOn: !isOn(day, cell) };
    setAt({ day, cell });
    write(day, cell, cell, drag.current.isOn);
  }

  function pull(event) {
    const found = drag.current && place(event);
    if (found && Number(found[1]) === drag.current.day) write(drag.current.day, drag.current.cell, Number(found[2]), drag.current.isOn);
  }

  return html`<div class="scroll">
    <div role="grid" aria-label="Half hours of the week; arrows move, Space switches, Shift with an arrow makes the next as this one" class="grid"
      ref=${grid} onKeyDown=${move} onPointerDown=${press} onPointerMove=${pull} onPointerUp=${() => (drag.current = null)} onPointerLeave=${() => (drag.current = null)}>
      ${DAYS.map((name, day) => html`<div role="row" key=${name}>
        <span role="rowheader">${name.slice(0, 2)}</span>
        ${cells(periods, day + 1).map((covered, cell) => html`<span role="gridcell" key=${cell} data-at="${day}-${cell}" class=${covered}
          aria-selected=${covered === "all" ? "true" : "false"} aria-label="${name} ${written(cell * STEP)} ${COVERED[covered]}"
          tabindex=${at.day === day && at.cell === cell ? 0 : -1} onFocus=${() => setAt({ day, cell })}></span>`)}
      </div>`)}
      <div class="hours" aria-hidden="true"><span></span>${[0, 3, 6, 9, 12, 15, 18, 21].map((hour) => html`<span key=${hour}>${hour}</span>`)}</div>
    </div>
  </div>`;
}
