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
    <div class="scroll" role="region" aria-label="Differences" tabindex="0"><table class="merge">
      <thead><tr><th scope="col">Field</th><th scope="col">Was</th><th scope="col">Theirs</th><th scope="col">Yours</th></tr></thead>
      <tbody>${found.map(({ path, was, theirs: other, yours: mine, isBoth }, number) => {
        const name = path.join(".");
        const option = (isYours, value) => html`<label class="check">
          <input type="radio" name=${`merge-${number}`} checked=${areYours[number] === isYours} onChange=${() => choose(number, isYours)}
            aria-label="${isYours ? "yours" : "theirs"} for ${name}: ${shown(value)}" /> <span>${shown(value)}</span>
        </label>`;
        return html`<tr key=${name}>
          <th scope="row"><code>${name}</code>${isBoth && html` <span class="badge bad">both changed</span>`}</th>
          <td>${shown(was)}</td><td>${option(false, other)}</td><td>${option(true, mine)}</td>
        </tr>`;
      })}</tbody>
    </table></div>
    <div class="actions">
      <button type="button" class="primary" onClick=${() => onChoose(merged(theirs, found, areYours))}>Save what is chosen</button>
      <button type="button" onClick=${onClose}>Back to the form</button>
    </div>
  <//>`;
}
