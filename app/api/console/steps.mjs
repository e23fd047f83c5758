// The steps in the life of a service, each a form made from the description of the API.

import { ask, openapi } from "./api.mjs";
import { Button } from "./button.mjs";
import { Dialog } from "./dialog.mjs";
import { html, useEffect, useMemo, useRef, useState } from "./dom.mjs";
import { Field, focusFault } from "./fields.mjs";
import { Extension } from "./records.mjs";
import { faultsByField, faultsOfExtension, fieldsOf } from "./schema.mjs";

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
  const [extensions, setExtensions] = useState(null);
  const [values, setValues] = useState({});
  const [faults, setFaults] = useState({});
  const [problem, setProblem] = useState(null);
  const form = useRef(null);
  useEffect(() => {
    openapi().then(setApi, setProblem);
    ask("GET", `metadata/${level}/extensions`).then(({ data }) => setExtensions(data), () => setExtensions([]));
  }, []);
  const fields = useMemo(() => (api ? fieldsOf(api, schema).filter((each) => !ADDRESSED[schema]?.includes(each.name)) : []), [api]);
  const main = first.map((each) => fields.find((field) => field.name === each)).filter(Boolean);
  const others = fields.filter((field) => !first.includes(field.name));

  async function submit(event) {
    event.preventDefault();
    const written = Object.entries(values).filter(([, value]) => Object.keys(value).length);
    const body = { ...filled(draft), ...Object.fromEntries(written) };
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

  if (!extensions || (!api && !problem)) return html`<p class="muted" aria-busy="true">Loading…</p>`;

  const row = (field) => html`<${Field} key=${field.name} field=${field} value=${draft[field.name]} faults=${faults[field.name]}
    onChange=${(value) => setDraft((known) => ({ ...known, [field.name]: value }))} />`;
  return html`<form ref=${form} onSubmit=${submit} novalidate class="step">
    ${typeof path === "function" && html`<${Field} field=${{ name: "customer_id", kind: "text", isRequired: true, description: "" }} value=${customer} onChange=${setCustomer} />`}
    ${main.map(row)}
    ${others.length > 0 && html`<details><summary>More about the event</summary>${others.map(row)}</details>`}
    ${extensions.map((each) => html`<${Extension} key=${each.name} schema=${each} value=${values[each.name]}
      faults=${faultsOfExtension(problem?.errors ?? {}, each.name)} onChange=${(value) => setValues((known) => ({ ...known, [each.name]: value }))} />`)}
    <p class="fault" role="alert">${problem?.message}</p>
    <div class="actions">
      <${Button} type="submit" class="primary" isOff=${!api || (typeof path === "function" && !customer.trim())}>${action}<//>
      ${onCancel && html`<button type="button" onClick=${onCancel}>Cancel</button>`}
    </div>
  </form>`;
}

export function StepDialog({ onClose, ...step }) {
  return html`<${Dialog} title=${STEPS[step.name].title} onClose=${onClose}><${Step} ...${step} onCancel=${onClose} /><//>`;
}
