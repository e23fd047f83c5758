// The view of one service: its time line, what is chosen there, the same facts as a table, and
// the steps that it can take.

import { address, withParameters } from "./address.mjs";
import { ask } from "./api.mjs";
import { Button } from "./button.mjs";
import { html, useEffect, useMemo, useRef, useState } from "./dom.mjs";
import { same } from "./exact.mjs";
import { focusFault } from "./fields.mjs";
import { barsOf } from "./lanes.mjs";
import { useLive } from "./live.mjs";
import { complain, say } from "./messages.mjs";
import { Extension } from "./records.mjs";
import { faultsOfExtension } from "./schema.mjs";
import { NewService } from "./services.mjs";
import { StepDialog } from "./steps.mjs";
import { Table } from "./table.mjs";
import { lasting } from "./time.mjs";
import { TimeLine } from "./timeline.mjs";
import { Time, useNow } from "./zones.mjs";

const ARRAYS = { active_states: true, completed_states: true, active_tasks: true, completed_tasks: true };

/** What a step begins, which is then chosen. */
const BEGUN = { startState: "state", transition: "state", startTask: "task" };

const DONE = { startState: "Started the state.", transition: "Went on to the next state.", endState: "Completed the state.", startTask: "Started the task.", endTask: "Completed the task.", end: "Completed the service.", associate: "Associated the service." };

export function Service({ id, query, go }) {
  return id === "new" ? html`<${NewService} />` : html`<${Life} id=${id} query=${query} go=${go} />`;
}

function Life({ id, query }) {
  const now = useNow(1);
  const [schemas, setSchemas] = useState(null);
  const [step, setStep] = useState(null);
  useEffect(() => {
    ask("GET", "metadata/services/extensions").then(({ data }) => setSchemas(data), () => setSchemas([]));
  }, []);
  const names = schemas?.map((each) => each.name).join(",");
  const path = `services/${encodeURIComponent(id)}`;
  const live = useLive(schemas ? withParameters(path, { ...ARRAYS, extensions: names }) : "");
  const service = live.data;
  const bars = useMemo(() => (service ? barsOf(service, now) : []), [service, now]);
  const chosen = bars.find((bar) => bar.key === query.at) ?? bars[0];
  if (!service) {
    return html`<p class="crumbs"><a href=${address("services")}>Services</a></p>
      <div class="title"><h1 tabindex="-1">Service ${id}</h1></div>
      ${live.problem ? html`<p class="fault" role="alert">${live.problem.message}</p><p><a href=${address("services")}>Services</a></p>` : html`<p class="muted" aria-busy="true">Loading…</p>`}`;
  }
  const addressOf = (bar) => address("services", id, bar.kind === "service" ? {} : { at: bar.key });
  const done = (name) => async (data) => {
    say(DONE[name]);
    setStep(null);
    await live.refresh();
    const kind = BEGUN[name];
    if (kind) location.hash = address("services", id, { at: `${kind}-${data[`${kind}_id`]}` });
  };
  const take = (name, where, given) => setStep({ name, path: where, given });
  return html`
    <p class="crumbs"><a href=${address("services")}>Services</a></p>
    <div class="title">
      <h1 tabindex="-1">Service ${id}</h1>
      <span class="badge ${service.completed ? "off" : "active"}">${service.completed ? "completed" : "active"}</span>
    </div>
    ${live.problem && html`<p class="fault" role="alert">${live.problem.message}</p>`}
    <p>Type ${String(service.service_type)}${service.customer_id !== undefined && html`, customer <a href=${address("services", "", { by: "customer", key: service.customer_id })}>${service.customer_id}</a>`}${service.contact_key !== undefined && html`, contact key ${service.customer_id === undefined ? html`<a href=${address("services", "", { by: "contact", key: service.contact_key })}>${service.contact_key}</a>` : service.contact_key}`}</p>
    <section class="panel" aria-label="Time line"><${TimeLine} bars=${bars} now=${now} chosen=${chosen.key} addressOf=${addressOf} /></section>
    <${Details} bar=${chosen} service=${service} path=${path} take=${take} />
    <h2>The same as a table</h2>
    <${Facts} bars=${bars} now=${now} addressOf=${addressOf} />
    ${schemas.length > 0 && html`<${Extensions} schemas=${schemas} service=${service} path=${path} onDone=${live.refresh} />`}
    ${step && html`<${StepDialog} ...${step} onClose=${() => setStep(null)} onDone=${done(step.name)} />`}
  `;
}

/** What is known of a bar, and the steps that are possible from there. */
function Details({ bar, service, path, take }) {
  const { kind, id, document, end } = bar;
  const isOpen = !service.completed;
  const hidden = ["active_states", "completed_states", "active_tasks", "completed_tasks", "interactions", "started", "completed"];
  const members = Object.entries(document).filter(([name, value]) => !hidden.includes(name) && (value === null || typeof value !== "object"));
  const events = ["started", "completed"].filter((name) => document[name]);
  const own = `${path}/${kind}s/${id}`;
  return html`<section class="panel" aria-labelledby="details-title">
    <h2 id="details-title" aria-live="polite">${kind[0].toUpperCase() + kind.slice(1)} ${String(id)}</h2>
    <dl class="facts">
      ${members.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${String(value)}${name === "duration" && html` <span class="away">ms = ${lasting(Number(value))}</span>`}${name === "est_duration" && html` <span class="away">s = ${lasting(Number(value) * 1000)}</span>`}</dd></div>`)}
      ${events.map((name) => html`<div key=${name}><dt>${name}</dt><dd><${Time} at=${document[name].timestamp} />
        ${Object.entries(document[name]).filter(([member]) => member !== "timestamp").map(([member, value]) => html`<div key=${member}><span class="muted">${member}</span> ${String(value)}</div>`)}</dd></div>`)}
    </dl>
    <div class="actions">
      ${kind === "service" && isOpen && html`
        <button type="button" onClick=${() => take("startState", `${path}/states/start`)}>Start a state</button>
        <button type="button" onClick=${() => take("startTask", `${path}/tasks/start`)}>Start a task</button>
        <button type="button" onClick=${() => take("end", `${path}/end`)}>Complete the service</button>`}
      ${kind === "service" && html`<button type="button" onClick=${() => take("associate", (customer) => `customers/${encodeURIComponent(customer.trim())}/${path}`)}>Associate with a customer</button>`}
      ${kind === "state" && end === null && html`
        ${isOpen && html`<button type="button" onClick=${() => take("transition", `${path}/states/transition`, { from: { state_id: id }, to: {} })}>Go on to the next state</button>`}
        <button type="button" onClick=${() => take("endState", `${own}/end`)}>Complete the state</button>`}
      ${kind === "state" && isOpen && html`<button type="button" onClick=${() => take("startTask", `${path}/tasks/start`, { state_id: id })}>Start a task in it</button>`}
      ${kind === "task" && end === null && html`<button type="button" onClick=${() => take("endTask", `${own}/end`)}>Complete the task</button>`}
    </div>
  </section>`;
}

function Extensions({ schemas, service, path, onDone }) {
  return html`<section class="panel" aria-labelledby="extensions-title">
    <h2 id="extensions-title">Extension values</h2>
    ${schemas.map((schema) => html`<${Value} key=${schema.name} schema=${schema} value=${service[schema.name]} path=${path} onDone=${onDone} />`)}
  </section>`;
}

function Value({ schema, value, path, onDone }) {
  const [draft, setDraft] = useState(undefined);
  const [problem, setProblem] = useState(null);
  const form = useRef(null);
  const isChanged = draft !== undefined && !same(draft, value);
  function write(to) {
    setDraft(to);
    setProblem(null);
  }
  async function submit(event) {
    event.preventDefault();
    try {
      await ask("PUT", `${path}/extensions/${schema.name}`, { body: draft });
      say(`Wrote ${schema.name}.`);
      await onDone();
      write(undefined);
    } catch (refusal) {
      setProblem(refusal);
      complain(refusal);
      requestAnimationFrame(() => focusFault(form.current));
    }
  }
  return html`<form ref=${form} onSubmit=${submit} novalidate>
    <${Extension} schema=${schema} value=${draft ?? value} faults=${placed(problem?.errors ?? {}, schema.name)} onChange=${write} />
    <div class="actions">
      <${Button} type="submit" isOff=${!isChanged}>Write ${schema.name}<//>
      <${Button} isOff=${draft === undefined} onClick=${() => write(undefined)} aria-label="Discard the change of ${schema.name}">Discard<//>
    </div>
  </form>`;
}

/** Faults by the place in a value, whether its name is before the place or not. */
function placed(errors, name) {
  return { ...errors, ...faultsOfExtension(errors, name) };
}

function Facts({ bars, now, addressOf }) {
  const columns = [
    { name: "what", title: "What", cell: (bar) => html`<a href=${addressOf(bar)} class="depth-${bar.kind}">${bar.kind} ${String(bar.id)}</a>` },
    { name: "type", title: "Type", cell: (bar) => String(bar.type) },
    { name: "started", title: "Started", cell: (bar) => html`<${Time} at=${bar.document.started.timestamp} away=${false} />` },
    { name: "completed", title: "Completed", cell: (bar) => (bar.end === null ? html`<span class="badge active">active</span>` : html`<${Time} at=${bar.document.completed.timestamp} away=${false} />`) },
    { name: "duration", title: "Duration", cell: (bar) => lasting((bar.end ?? now) - bar.start) },
    { name: "expected", title: "Expected", cell: (bar) => html`${bar.due === null ? "" : lasting(bar.due - bar.start)}${bar.isOverdue && html` <span class="badge bad">overdue</span>`}` },
    { name: "disposition", title: "Disposition", cell: (bar) => [bar.document.disposition, bar.document.disposition_desc].filter((each) => each !== undefined).map(String).join(": ") },
  ];
  return html`<${Table} caption="States and tasks of the service" columns=${columns} rows=${bars} keyOf=${(bar) => bar.key} empty="" />`;
}
