// Tables: sorted by the server, one page at a time, with rows that keep their elements.

import { Button } from "./button.mjs";
import { html, useEffect, useRef } from "./dom.mjs";
import { SIZES } from "./listing.mjs";

const NARROW = 2.75;
const FIRST = 14;

/**
 * ``columns`` are ``{name, title, order?, cell(row)}``; those with an ``order`` are sorted by.
 * ``order`` is the name of a column, with "-" before it to begin with the last. Where columns
 * have a ``width``, in rem, what a cell shows moves no other; the first has the rest.
 */
export function Table({ caption, columns, rows, keyOf, order = "", onOrder, isLoading, selection, labelOf, empty }) {
  const widths = columns.map((column) => column.width ?? 0);
  const isFixed = widths.some(Boolean);
  const least = widths.reduce((sum, width) => sum + (width || FIRST), selection ? NARROW : 0);
  // Headings would move when the first rows come.
  if (!isFixed && isLoading && !rows.length) return html`<p class="muted" aria-busy="true">Loading…</p>`;
  return html`<div class="scroll" role="region" aria-label=${caption} tabindex="0">
    <table role="table" aria-busy=${isLoading ? "true" : "false"} class=${isFixed ? "fixed" : ""} style=${{ minWidth: isFixed ? `${least}rem` : "" }}>
      <caption class="hidden">${caption}</caption>
      ${isFixed && html`<colgroup>
        ${selection && html`<col style=${{ width: `${NARROW}rem` }} />`}
        ${columns.map((column) => html`<col key=${column.name} style=${{ width: column.width && `${column.width}rem` }} />`)}
      </colgroup>`}
      <thead role="rowgroup"><tr role="row">
        ${selection && html`<th scope="col" role="columnheader" class="narrow"><${SelectAll} rows=${rows} selection=${selection} /></th>`}
        ${columns.map((column) => html`<${Heading} key=${column.name} column=${column} order=${order} onOrder=${onOrder} />`)}
      </tr></thead>
      <tbody role="rowgroup">
        ${rows.map((row) => html`<tr role="row" key=${keyOf(row)} data-key=${keyOf(row)} class=${selection?.has(row) ? "selected" : ""}>
          ${selection && html`<td role="cell" class="narrow"><input type="checkbox" aria-label="Select ${labelOf(row)}"
            checked=${selection.has(row)} onChange=${() => selection.toggle(row)} /></td>`}
          ${columns.map((column, number) => number === 0
            ? html`<th scope="row" role="rowheader" key=${column.name}>${column.cell(row)}</th>`
            : html`<${Cell} key=${column.name} column=${column} row=${row} />`)}
        </tr>`)}
      </tbody>
    </table>
    ${rows.length === 0 && !isLoading && html`<p class="empty">${empty}</p>`}
  </div>`;
}

/** On a phone, where rows are cards, each cell has its title, and there is none without a content. */
function Cell({ column, row }) {
  const content = column.cell(row);
  return html`<td role="cell" class="${column.style ?? ""} ${content === "" ? "none" : ""}"><span class="name" aria-hidden="true">${column.title}</span> ${content}</td>`;
}

function Heading({ column, order, onOrder }) {
  if (!column.order) return html`<th scope="col" role="columnheader" class="plain ${column.style ?? ""}">${column.title}</th>`;
  const sign = order === column.order ? "ascending" : order === `-${column.order}` ? "descending" : undefined;
  const next = sign === "ascending" ? `-${column.order}` : column.order;
  return html`<th scope="col" role="columnheader" aria-sort=${sign} class=${column.style ?? ""}>
    <button type="button" class="sort" onClick=${() => onOrder(next)}>${column.title}<span aria-hidden="true">${{ ascending: " ▲", descending: " ▼" }[sign] ?? ""}</span></button>
  </th>`;
}

function SelectAll({ rows, selection }) {
  const box = useRef(null);
  const count = rows.filter((row) => selection.has(row)).length;
  const isAll = rows.length > 0 && count === rows.length;
  useEffect(() => {
    box.current.indeterminate = count > 0 && !isAll;
  }, [count, isAll]);
  return html`<input type="checkbox" ref=${box} aria-label="Select all rows of this page" checked=${isAll}
    onChange=${() => selection.choose(isAll ? [] : rows)} />`;
}

/** Where one is among all pages; ``go`` changes the query of the address. It comes with the
 * first rows, which would move it. */
export function Pages({ total, isLeast, page, size, go, noun }) {
  if (total === undefined) return null;
  const last = Math.max(1, Math.ceil(total / size));
  const first = (page - 1) * size + 1;
  const all = isLeast ? `more than ${(total - 1).toLocaleString("en")}` : total.toLocaleString("en");
  const range = total ? `${noun} ${first.toLocaleString("en")}–${Math.min(total, page * size).toLocaleString("en")} of ${all}` : `No ${noun.toLowerCase()}`;
  return html`<nav class="pages" aria-label="Pages">
    <${Button} isOff=${page <= 1} onClick=${() => go({ page: page - 1 })}>Previous<//>
    <span>${range}</span>
    <${Button} isOff=${page >= last} onClick=${() => go({ page: page + 1 })}>Next<//>
    <label>Rows <select value=${size} onChange=${(event) => go({ size: event.target.value, page: "" })}>
      ${SIZES.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
    </select></label>
  </nav>`;
}

/** Which columns are shown. */
export function Columns({ all, shown, onChange }) {
  const toggle = (name) => onChange(all.map((each) => each.name).filter((each) => (each === name) !== shown.includes(each)));
  const menu = useRef(null);
  const close = () => (menu.current.open = false);
  function press(event) {
    if (event.key !== "Escape" || !menu.current.open) return;
    close();
    menu.current.querySelector("summary").focus();
  }
  const leave = (event) => !menu.current.contains(event.relatedTarget) && close();
  return html`<details class="menu" ref=${menu} onKeyDown=${press} onFocusOut=${leave}><summary>Columns</summary>
    <fieldset><legend>Columns that are shown</legend>
      ${all.slice(1).map(({ name, title }) => html`<label key=${name} class="check">
        <input type="checkbox" checked=${shown.includes(name)} onChange=${() => toggle(name)} /> ${title}
      </label>`)}
    </fieldset>
  </details>`;
}

/** Give the browser a file to save. */
export function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

