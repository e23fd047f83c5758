// The fields of forms: one widget for each kind of field, with its label, help and faults.

import { Button } from "./button.mjs";
import { html, useId, useState } from "./dom.mjs";
import { parse, stringify } from "./exact.mjs";
import { lasting, ofField, toField, zoneName } from "./time.mjs";
import { WeekGrid } from "./week.mjs";
import { useZone } from "./zones.mjs";
import { LABELS, WORDS } from "./words.mjs";

const INTEGER = /^[+-]?\d+$/;

/** The attributes that tie a control to its help and its faults. */
function tied(id, field, faults) {
  const described = [field.description && `${id}-help`, faults && `${id}-faults`].filter(Boolean);
  return {
    id,
    name: field.name,
    required: field.isRequired,
    "aria-invalid": faults ? "true" : undefined,
    "aria-describedby": described.join(" ") || undefined,
  };
}

function Beside({ id, field, faults }) {
  return html`
    ${field.description && html`<p class="help" id="${id}-help">${field.description}</p>`}
    ${faults && html`<p class="fault" id="${id}-faults">${faults.join("; ")}</p>`}
  `;
}

function Label({ id, field }) {
  return html`<label for=${id}>
    ${LABELS[field.name] ?? field.name}${field.isRequired && " (required)"}${LABELS[field.name] && html` <code>${field.name}</code>`}
  </label>`;
}

function Text({ id, field, value, onChange, faults, suggestions }) {
  const list = suggestions?.length ? `${id}-list` : undefined;
  return html`
    <${Label} id=${id} field=${field} />
    <input type="text" ...${tied(id, field, faults)} list=${list} maxlength=${field.longest} autocomplete="off" placeholder=${list && `such as ${suggestions[0].code}`}
      value=${value ?? ""} onInput=${(event) => onChange(event.target.value)} />
    ${list && html`<datalist id=${list}>
      ${suggestions.map(({ code, name }) => html`<option key=${code} value=${code}>${name}</option>`)}
    </datalist>`}
  `;
}

/** A number of a type, or its name. */
function Type({ id, field, value, onChange, faults }) {
  const read = (text) => onChange(text === "" ? undefined : INTEGER.test(text) ? parse(text.replace(/^\+/, "").replace(/^(-?)0+(?=\d)/, "$1")) : text);
  return html`
    <${Label} id=${id} field=${field} />
    <input type="text" ...${tied(id, field, faults)} autocomplete="off" value=${String(value ?? "")}
      onInput=${(event) => read(event.target.value)} />
  `;
}

function Integer({ id, field, value, onChange, faults }) {
  const isTime = /sec$|duration$/.test(field.name);
  const words = isTime && Number(value) > 0 ? `${value} s = ${lasting(Number(value) * 1000)}` : "";
  const read = (text) => onChange(text === "" ? undefined : INTEGER.test(text) ? parse(String(BigInt(text))) : text);
  return html`
    <${Label} id=${id} field=${field} />
    <span class="beside">
      <input type="text" inputmode="numeric" ...${tied(id, field, faults)} value=${String(value ?? "")}
        autocomplete="off" onInput=${(event) => read(event.target.value.trim())} />
      ${isTime && html`<span class="unit">${words || "seconds"}</span>`}
    </span>
  `;
}

function Switch({ id, field, value, onChange, faults }) {
  const write = (isOn) => onChange(typeof value === "boolean" ? isOn : Number(isOn));
  return html`<label class="check" for=${id}>
    <input type="checkbox" role="switch" ...${tied(id, field, faults)} required=${false}
      checked=${Boolean(Number(value ?? 0))} onChange=${(event) => write(event.target.checked)} />
    ${LABELS[field.name] ?? field.name} <code>${field.name}</code>
  </label>`;
}

function Choice({ id, field, value, onChange, faults }) {
  const { id: _, required: __, ...ties } = tied(id, field, faults);
  return html`<fieldset class="choice" role="radiogroup" aria-describedby=${ties["aria-describedby"]}>
    <legend>${LABELS[field.name] ?? field.name} <code>${field.name}</code></legend>
    ${field.options.map((option, number) => html`<label key=${option} class="check">
      <input type="radio" id=${number ? undefined : id} name=${`${id}-${field.name}`} value=${option}
        checked=${value === option} onChange=${() => onChange(option)} />
      ${option}${WORDS[`${field.name}.${option}`] && html`<span class="help">${WORDS[`${field.name}.${option}`]}</span>`}
    </label>`)}
  </fieldset>`;
}

function When({ id, field, value, onChange, faults }) {
  const zone = useZone();
  const moment = Date.parse(value || "");
  const isUnreadable = Boolean(value) && Number.isNaN(moment);
  return html`
    <${Label} id=${id} field=${field} />
    <span class="beside">
      <input type="datetime-local" step="1" ...${tied(id, field, faults)} value=${toField(value || "", zone)}
        onChange=${(event) => onChange(ofField(event.target.value, zone))} />
      <${Button} isOff=${!value} onClick=${() => onChange("")}
        aria-label="Clear ${LABELS[field.name] ?? field.name}">Clear<//>
      <span class="unit">${Number.isNaN(moment) ? zone : zoneName(zone, moment)}${isUnreadable ? `: ${value}` : ""}</span>
    </span>
  `;
}

/** Names with commas between; an array stays one. */
function Names({ id, field, value, onChange, faults }) {
  const isArray = Array.isArray(value);
  const [text, setText] = useState(null);
  const shown = isArray ? value.join(", ") : (value ?? "");
  const read = (written) => {
    setText(written);
    onChange(isArray ? written.split(",").map((name) => name.trim()).filter(Boolean) : written);
  };
  return html`
    <${Label} id=${id} field=${field} />
    <input type="text" ...${tied(id, field, faults)} autocomplete="off" value=${text ?? shown}
      onInput=${(event) => read(event.target.value)} onBlur=${() => setText(null)} />
  `;
}

/** Members of an object: those that the description names, and any others. */
function Members({ id, field, value, onChange, faults }) {
  const known = field.fields.map((each) => each.name);
  const hidden = field.name === "ext" ? ["ct", "lwt"] : [];
  const others = Object.keys(value ?? {}).filter((name) => !known.includes(name) && !hidden.includes(name));
  const write = (name, to) => {
    const copy = { ...value };
    if (to === undefined) delete copy[name];
    else copy[name] = to;
    onChange(copy);
  };
  return html`<fieldset class="members" id=${id} tabindex="-1">
    <legend>${LABELS[field.name] ?? field.name} <code>${field.name}</code></legend>
    ${field.fields.map((inner) => html`<${Field} key=${inner.name} field=${inner} value=${value?.[inner.name]}
      onChange=${(to) => write(inner.name, to)} />`)}
    ${field.isOpen && others.map((name) => html`<${Member} key=${name} name=${name} value=${value[name]}
      onChange=${(to) => write(name, to)} />`)}
    ${field.isOpen && html`<${NewMember} taken=${[...known, ...others, ...hidden]} onAdd=${(name) => write(name, "")} />`}
  </fieldset>`;
}

function Member({ name, value, onChange }) {
  const id = useId();
  const [isJson, setJson] = useState(typeof value !== "string");
  const [text, setText] = useState(null);
  const shown = isJson ? stringify(value) : value;
  const read = (written) => {
    setText(written);
    if (!isJson) return onChange(written);
    try {
      return onChange(parse(written));
    } catch {
      return undefined;
    }
  };
  const change = (toJson) => {
    setText(null);
    setJson(toJson);
    if (!toJson && typeof value !== "string") onChange(stringify(value));
  };
  return html`<div class="member">
    <label for=${id}>${name}</label>
    <span class="beside">
      <input type="text" id=${id} autocomplete="off" value=${text ?? shown} onInput=${(event) => read(event.target.value)}
        onBlur=${() => setText(null)} />
      <label class="check"><input type="checkbox" checked=${isJson} onChange=${(event) => change(event.target.checked)} /> JSON</label>
      <button type="button" aria-label="Remove ${name}" onClick=${() => onChange(undefined)}>Remove</button>
    </span>
  </div>`;
}

function NewMember({ taken, onAdd }) {
  const id = useId();
  const [name, setName] = useState("");
  const isFree = name !== "" && !taken.includes(name);
  const add = () => {
    if (!isFree) return;
    onAdd(name);
    setName("");
  };
  return html`<div class="member">
    <label for=${id}>New key</label>
    <span class="beside">
      <input type="text" id=${id} autocomplete="off" value=${name} onInput=${(event) => setName(event.target.value)}
        onKeyDown=${(event) => event.key === "Enter" && (event.preventDefault(), add())} />
      <${Button} isOff=${!isFree} onClick=${add}>Add<//>
    </span>
  </div>`;
}

function Week({ id, field, value, onChange }) {
  return html`<fieldset class="week" id=${id} tabindex="-1">
    <legend>${LABELS[field.name] ?? field.name} <code>${field.name}</code></legend>
    <${WeekGrid} periods=${value ?? []} onChange=${onChange} />
  </fieldset>`;
}

/** True, false, or neither. */
function Flag({ id, field, value, onChange, faults }) {
  const read = (text) => onChange(text === "" ? undefined : text === "true");
  return html`
    <${Label} id=${id} field=${field} />
    <select ...${tied(id, field, faults)} value=${value === undefined ? "" : String(value)} onChange=${(event) => read(event.target.value)}>
      <option value=""></option>
      <option value="true">true</option>
      <option value="false">false</option>
    </select>
  `;
}

function Day({ id, field, value, onChange, faults }) {
  return html`
    <${Label} id=${id} field=${field} />
    <input type="date" ...${tied(id, field, faults)} value=${value ?? ""} onChange=${(event) => onChange(event.target.value)} />
  `;
}

const WIDGETS = { text: Text, type: Type, integer: Integer, switch: Switch, choice: Choice, date: When, names: Names, object: Members, periods: Week, flag: Flag, day: Day };

/** A field of a form, as the schema has it. */
export function Field({ field, value, onChange, faults, suggestions }) {
  const id = useId();
  const Widget = WIDGETS[field.kind];
  return html`<div class="field" data-field=${field.name}>
    <${Widget} id=${id} field=${field} value=${value} onChange=${onChange} faults=${faults} suggestions=${suggestions} />
    <${Beside} id=${id} field=${field} faults=${faults} />
  </div>`;
}

/** Put the focus on the first field of a form that has a fault. */
export function focusFault(form) {
  const field = form?.querySelector("[aria-invalid=true], .field:has(> .fault) input, .field:has(> .fault) [tabindex]");
  field?.focus();
  return Boolean(field);
}
