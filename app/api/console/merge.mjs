// What to do when somebody else changed a task meanwhile: was, theirs and yours, field by field.

import { Dialog } from "./dialog.mjs";
import { html, useMemo, useState } from "./dom.mjs";
import { differences, merged } from "./draft.mjs";
import { same, stringify } from "./exact.mjs";

const shown = (value) => (value === undefined ? "(not there)" : typeof value === "string" ? value || "(empty)" : stringify(value));

export function Merge({ base, theirs, yours, onChoose, onClose }) {
  const found = useMemo(() => differences(base, theirs, yours), []);
  // Where only one side changed a field, that side stays.
  const [areYours, set] = useState(() => found.map((each) => same(each.was, each.theirs) || each.isBoth));
  const choose = (number, isYours) => set((known) => known.map((each, other) => (other === number ? isYours : each)));
  return html`<${Dialog} title="Somebody else changed this task" onClose=${onClose}>
    <p>Nothing is saved yet. Choose for each field what stays.</p>
    <div class="scroll"><table role="table" class="merge" aria-label="Differences">
      <thead role="rowgroup"><tr role="row">${["Field", "Was", "Theirs", "Yours"].map((title) => html`<th role="columnheader" scope="col" key=${title}>${title}</th>`)}</tr></thead>
      <tbody role="rowgroup">${found.map(({ path, was, theirs: other, yours: mine, isBoth }, number) => {
        const name = path.join(".");
        const option = (isYours, value) => html`<label class="check">
          <input type="radio" name=${`merge-${number}`} checked=${areYours[number] === isYours} onChange=${() => choose(number, isYours)}
            aria-label="${isYours ? "yours" : "theirs"} for ${name}: ${shown(value)}" /> <span>${shown(value)}</span>
        </label>`;
        return html`<tr role="row" key=${name}>
          <th scope="row" role="rowheader"><code>${name}</code>${isBoth && html` <span class="badge bad">both changed</span>`}</th>
          ${[["Was", shown(was)], ["Theirs", option(false, other)], ["Yours", option(true, mine)]].map(([title, cell]) => html`<td role="cell" key=${title}>
            <span class="name" aria-hidden="true">${title}</span> <span>${cell}</span></td>`)}
        </tr>`;
      })}</tbody>
    </table></div>
    <div class="actions">
      <button type="button" class="primary" onClick=${() => onChoose(merged(theirs, found, areYours))}>Save what is chosen</button>
      <button type="button" onClick=${onClose}>Back to the form</button>
    </div>
  <//>`;
}
