// The JSON of a draft, to read and to write. Text that is no JSON stays until it is mended.

import { html, useState } from "./dom.mjs";
import { faultIn, parse, stringify } from "./exact.mjs";

export function RawJson({ value, onChange, fault, onFault, faults }) {
  const [text, setText] = useState(() => stringify(value, 2));
  const [seen, setSeen] = useState(value);
  if (value !== seen && !fault) {
    // The draft changed otherwise than here.
    setSeen(value);
    setText(stringify(value, 2));
  }
  function read(typed) {
    setText(typed);
    const found = faultIn(typed) || (/^\s*\{/.test(typed) ? "" : "this is no JSON object");
    onFault(found);
    if (!found) {
      const next = parse(typed);
      setSeen(next);
      onChange(next);
    }
  }
  const refused = Object.entries(faults).map(([name, messages]) => `${name}: ${messages.join("; ")}`);
  return html`<div class="field">
    <label for="raw">The task in JSON</label>
    <textarea id="raw" rows="24" spellcheck=${false} aria-invalid=${fault || refused.length ? "true" : undefined} aria-describedby="raw-fault"
      value=${text} onInput=${(event) => read(event.target.value)}></textarea>
    <p class="fault" id="raw-fault" role="status">${fault || refused.join("; ")}</p>
  </div>`;
}
