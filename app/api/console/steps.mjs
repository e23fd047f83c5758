// The steps in the life of a service, each a form made from the description of the API.

import { ask, openapi } from "./api.mjs";
import { Dialog } from "./dialog.mjs";
import { html, useEffect, useMemo, useRef, useState } from "./dom.mjs";
import { faultIn, parse } from "./exact.mjs";
import { Field, focusFault } from "./fields.mjs";
import { faultsByField, fieldsOf } from "./schema.mjs";

/** By name: its title, its action, the schema of its body, the fields that come first, and
 * the extensions that may be written with it. */
export const STEPS = {
  start: { title: "Start a service", action: "Start", schema: "ServiceStart", first: ["service_type", "customer_id", "contact_key", "est_duration"], level: "services" },
  associate: { title: "Associate with a customer", action: "Associate", schema: "Association", first: [], level: "services" },
  end: { title: "Complete the service", action: "Complete", schema: "ServiceEnd", first: ["disposition", "disposition_desc"], level: "services" },
  startState: { title: "Start a state", action: "Start", schema: "StateStart", first: ["state_type", "est_duration"], level: "states" },
  transition: { title: "Go on to the next state", action: "Go on", schema: "Transition", first: ["to", "from"], level: "states" },
  endState: { title: "Complete the state", action: "Complete", schema: "StateEnd", first: ["disposition", "disposition_desc"], level: "states" },
  startTask: { title: "Start a task", action: "Start", schema: "TaskStart", first: ["task_type", "state_id", "est_duration"], level: "tasks" },
  endTask: { title: "Complete the task", action: "Complete", schema: "TaskEnd", first: ["disposition", "disposition_desc"], level: "tasks" },
};

/** Members that the address has already, by schema. */
const ADDRESSED = {
  Association: ["customer_id"],
  ServiceEnd: ["service_id"],
  StateEnd: ["service_id", "state_id"],
  TaskEnd: ["service_id", "state_id", "task_id"],
  Transition: ["service_id"],
};

/** Without what was left empty. */
export function filled(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const given = Object.entries(value).map(([name, each]) => [name, filled(each)]);
  const isEmpty = (each) => each === undefined || each === "" || (each && Object.getPrototypeOf(each) === Object.prototype && !Object.keys(each).length);
  return Object.fromEntries(given.filter(([, each]) => !isEmpty(each)));
}

/** The form of a step; ``path`` is where its body is sent, or the function from the customer. */
export function Step({ name, path, given = {}, onDone, onCancel }) {
  const { action, schema, first, level } = STEPS[name];
  const [api, setApi] = useState(null);
  const [draft, setDraft] = useState(given);
  const [customer, setCustomer] = useState("");
  const [extensions, setExtensions] = useState([]);
  const [values, setValues] = useState({});
  const [faults, setFaults] = useState({});
  const [problem, setProblem] = useState(null);
  const form = useRef(null);
  useEffect(() => {
    openapi().then(setApi, setProblem);
    ask("GET", `metadata/${level}/extensions`).then(({ data }) => setExtensions(data), () => {});
  }, []);
  const fields = useMemo(() => (api ? fieldsOf(api, schema).filter((each) => !ADDRESSED[schema]?.includes(each.name)) : []), [api]);
  const main = first.map((each) => fields.find((field) => field.name === each)).filter(Boolean);
  const others = fields.filter((field) => !first.includes(field.name));

  async function submit(event) {
    event.preventDefault();
    const written = Object.entries(values).filter(([, text]) => text.trim());
    const broken = written.map(([each, text]) => [each, faultIn(text)]).filter(([, fault]) => fault);
    if (broken.length) return setFaults(Object.fromEntries(broken.map(([each, fault]) => [each, [fault]])));
    const body = { ...filled(draft), ...Object.fromEntries(written.map(([each, text]) => [each, parse(text)])) };
    try {
      const where = typeof path === "function" ? path(customer) : path;
      return onDone((await ask("POST", where, { body })).data);
    } catch (refusal) {
      setProblem(refusal);
      setFaults(faultsByField(refusal.errors ?? {}));
      requestAnimationFrame(() => focusFault(form.current));
      return undefined;
    }
  }

  const row = (field) => html`<${Field} key=${field.name} field=${field} value=${draft[field.name]} faults=${faults[field.name]}
    onChange=${(value) => setDraft((known) => ({ ...known, [field.name]: value }))} />`;
  return html`<form ref=${form} onSubmit=${submit} novalidate class="step">
    ${typeof path === "function" && html`<${Field} field=${{ name: "customer_id", kind: "text", isRequired: true, description: "" }} value=${customer} onChange=${setCustomer} />`}
    ${main.map(row)}
    ${others.length > 0 && html`<details><summary>More about the event</summary>${others.map(row)}</details>`}
    ${extensions.map((each) => html`<${Extension} key=${each.name} schema=${each} text=${values[each.name] ?? ""} faults=${faults[each.name]}
      onChange=${(text) => setValues((known) => ({ ...known, [each.name]: text }))} />`)}
    <p class="fault" role="alert">${problem?.message}</p>
    <div class="actions">
      <button type="submit" class="primary" disabled=${!api || (typeof path === "function" && !customer.trim())}>${action}</button>
      ${onCancel && html`<button type="button" onClick=${onCancel}>Cancel</button>`}
    </div>
  </form>`;
}

/** The value of an extension in JSON, with what its schema says. */
export function Extension({ schema, text, faults, onChange }) {
  const id = `extension-${schema.name}`;
  const attributes = schema.attributes.map((each) => `${each.name} (${each.type}${each.mandatory ? ", mandatory" : ""})`).join(", ");
  return html`<div class="field">
    <label for=${id}>Extension ${schema.name}</label>
    <textarea id=${id} rows="3" spellcheck=${false} aria-invalid=${faults ? "true" : undefined} aria-describedby="${id}-help" value=${text}
      onInput=${(event) => onChange(event.target.value)}></textarea>
    <p class="help" id="${id}-help">${schema.type === "multi-valued" ? "A JSON array of objects" : "A JSON object"} with ${attributes}. ${faults && html`<span class="fault">${faults.join("; ")}</span>`}</p>
  </div>`;
}

export function StepDialog({ onClose, ...step }) {
  return html`<${Dialog} title=${STEPS[step.name].title} onClose=${onClose}><${Step} ...${step} onCancel=${onClose} /><//>`;
}
