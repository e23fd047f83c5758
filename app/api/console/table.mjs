// Tables: sorted by the server, one page at a time, with rows that keep their elements.

import { html, useEffect, useRef } from "./dom.mjs";

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
  const least = widths.reduce((sum, width) => sum + (width || FIRST), NARROW);
  return html`<div class="scroll" role="region" aria-label=${caption} tabindex="0">
    <table aria-busy=${isLoading ? "true" : "false"} class=${isFixed ? "fixed" : ""} style=${{ minWidth: isFixed ? `${least}rem` : "" }}>
      <caption class="hidden">${caption}</caption>
      ${isFixed && html`<colgroup>
        ${selection && html`<col style=${{ width: `${NARROW}rem` }} />`}
        ${columns.map((column) => html`<col key=${column.name} style=${{ width: column.width && `${column.width}rem` }} />`)}
      </colgroup>`}
      <thead><tr>
        ${selection && html`<th scope="col" class="narrow"><${SelectAll} rows=${rows} keyOf=${keyOf} selection=${selection} /></th>`}
        ${columns.map((column) => html`<${Heading} key=${column.name} column=${column} order=${order} onOrder=${onOrder} />`)}
      </tr></thead>
      <tbody>
        ${rows.map((row) => html`<tr key=${keyOf(row)} data-key=${keyOf(row)} class=${selection?.has(keyOf(row)) ? "selected" : ""}>
          ${selection && html`<td class="narrow"><input type="checkbox" aria-label="Select ${labelOf(row)}"
            checked=${selection.has(keyOf(row))} onChange=${() => selection.toggle(keyOf(row))} /></td>`}
          ${columns.map((column, number) => number === 0
            ? html`<th scope="row" key=${column.name}>${column.cell(row)}</th>`
            : html`<td key=${column.name} class=${column.style ?? ""}>${column.cell(row)}</td>`)}
        </tr>`)}
      </tbody>
    </table>
    ${rows.length === 0 && !isLoading && html`<p class="empty">${empty}</p>`}
  </div>`;
}

function Heading({ column, order, onOrder }) {
  if (!column.order) return html`<th scope="col" class=${column.style ?? ""}>${column.title}</th>`;
  const sign = order === column.order ? "ascending" : order === `-${column.order}` ? "descending" : undefined;
  const next = sign === "ascending" ? `-${column.order}` : column.order;
  return html`<th scope="col" aria-sort=${sign} class=${column.style ?? ""}>
    <button type="button" class="sort" onClick=${() => onOrder(next)}>${column.title}<span aria-hidden="true">${{ ascending: " ▲", descending: " ▼" }[sign] ?? ""}</span></button>
  </th>`;
}

function SelectAll({ rows, keyOf, selection }) {
  const box = useRef(null);
  const count = rows.filter((row) => selection.has(keyOf(row))).length;
  const isAll = rows.length > 0 && count === rows.length;
  useEffect(() => {
    box.current.indeterminate = count > 0 && !isAll;
  }, [count, isAll]);
  return html`<input type="checkbox" ref=${box} aria-label="Select all rows of this page" checked=${isAll}
    onChange=${() => selection.set(isAll ? [] : rows.map(keyOf))} />`;
}

export const SIZES = [25, 50, 100, 500];

/** Where one is among all pages; ``go`` changes the query of the address. */
export function Pages({ total, page, size, go, noun }) {
  const last = Math.max(1, Math.ceil(total / size));
  const first = (page - 1) * size + 1;
  const range = total ? `${first.toLocaleString("en")}–${Math.min(total, page * size).toLocaleString("en")} of ${total.toLocaleString("en")}` : "none";
  return html`<nav class="pages" aria-label="Pages">
    <button type="button" disabled=${page <= 1} onClick=${() => go({ page: page - 1 })}>Former</button>
    <span>${noun} ${range}</span>
    <button type="button" disabled=${page >= last} onClick=${() => go({ page: page + 1 })}>Next</button>
    <label>Rows <select value=${size} onChange=${(event) => go({ size: event.target.value, page: "" })}>
      ${SIZES.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
    </select></label>
  </nav>`;
}

/** Which columns are shown. */
export function Columns({ all, shown, onChange }) {
  const toggle = (name) => onChange(all.map((each) => each.name).filter((each) => (each === name) !== shown.includes(each)));
  return html`<details class="menu"><summary>Columns</summary>
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

