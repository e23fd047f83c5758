// The value of an extension, in fields that its schema makes: one record, or any number.

import { html, useId } from "./dom.mjs";
import { stringify } from "./exact.mjs";
import { Field } from "./fields.mjs";
import { MULTI, faultsAt, fieldsOfExtension } from "./schema.mjs";

/** ``faults`` by the place in the value, such as "0.name"; what is no record is shown as it is. */
export function Extension({ schema, value, faults = {}, onChange }) {
  const id = useId();
  const fields = fieldsOfExtension(schema);
  const isMulti = schema.type === MULTI;
  const records = isMulti ? (value ?? []) : [value ?? {}];
  const replace = (number, record) => onChange(isMulti ? records.map((each, other) => (other === number ? record : each)) : record);
  function add({ target }) {
    onChange([...records, {}]);
    // One goes on in the new record, which pushes the button away.
    const all = target.closest("fieldset");
    requestAnimationFrame(() => [...all.querySelectorAll(":scope > fieldset")].pop()?.querySelector("input, select")?.focus());
  }
  const ofRecord = (record, number) => fields.map((field) => html`<${Field} key=${field.name} field=${field} value=${record[field.name]}
    faults=${faultsAt(faults, isMulti ? `${number}.${field.name}` : field.name)} onChange=${(written) => replace(number, withMember(record, field.name, written))} />`);
  return html`<fieldset class="members extension" aria-describedby=${faults[""] && `${id}-faults`}>
    <legend>Extension ${schema.name}</legend>
    ${faults[""] && html`<p class="fault" id="${id}-faults">${faults[""].join("; ")}</p>`}
    ${Array.isArray(value ?? []) !== isMulti && value !== undefined
      ? html`<pre class="value">${stringify(value, 2)}</pre>`
      : isMulti
        ? html`
          ${records.map((record, number) => html`<fieldset class="members" key=${number}>
            <legend>Record ${number + 1}</legend>
            ${ofRecord(record, number)}
            <button type="button" aria-label="Remove record ${number + 1} of ${schema.name}" onClick=${() => onChange(records.filter((_, other) => other !== number))}>Remove</button>
          </fieldset>`)}
          <button type="button" onClick=${add}>Add a record of ${schema.name}</button>`
        : ofRecord(records[0], 0)}
  </fieldset>`;
}

function withMember(record, name, value) {
  const copy = { ...record };
  if (value === undefined || value === "") delete copy[name];
  else copy[name] = value;
  return copy;
}
