// The search for services, and the form that starts one.

import { address, withParameters } from "./address.mjs";
import { html, useEffect, useState } from "./dom.mjs";
import { useKeys } from "./keys.mjs";
import { useLive } from "./live.mjs";
import { say } from "./messages.mjs";
import { Step } from "./steps.mjs";
import { Pages, Table } from "./table.mjs";
import { lasting } from "./time.mjs";
import { Time } from "./zones.mjs";

const KINDS = { id: "Service id", customer: "Customer", contact: "Contact key" };

function pathOf(by, key, which) {
  const name = encodeURIComponent(key);
  const end = which ? `/${which}` : "";
  return by === "customer" ? `customers/${name}/services${end}` : `services/anonymous/${name}${end}`;
}

const COLUMNS = [
  { name: "id", title: "Service", cell: (row) => html`<a href=${address("services", row.service_id)}>${String(row.service_id)}</a>` },
  { name: "type", title: "Type", cell: (row) => String(row.service_type) },
  { name: "state", title: "State", cell: (row) => html`<span class="badge ${row.completed ? "off" : "active"}">${row.completed ? "completed" : "active"}</span>` },
  { name: "started", title: "Started", cell: (row) => html`<${Time} at=${row.started.timestamp} />` },
  { name: "completed", title: "Completed", cell: (row) => (row.completed ? html`<${Time} at=${row.completed.timestamp} />` : "") },
  { name: "duration", title: "Duration", cell: (row) => (row.duration === undefined ? "" : lasting(Number(row.duration))) },
  { name: "disposition", title: "Disposition", cell: (row) => String(row.disposition ?? "") },
];

export function Services({ query, go }) {
  const { by = "id", key = "", which = "", page: pageText, size: sizeText } = query;
  const [kind, setKind] = useState(by);
  const [text, setText] = useState(key);
  const [page, size] = [Math.max(1, Number(pageText) || 1), Number(sizeText) || 25];
  useEffect(() => {
    setKind(by);
    setText(key);
  }, [by, key]);
  useKeys({ n: () => (location.hash = address("services", "new")), "/": () => document.getElementById("key").focus() });
  const isList = key && by !== "id";
  const path = isList ? withParameters(pathOf(by, key, which), { limit: size, offset: (page - 1) * size || "" }) : "";
  const live = useLive(path);

  function submit(event) {
    event.preventDefault();
    const wanted = text.trim();
    if (!wanted) return;
    if (kind === "id") location.hash = address("services", wanted);
    else location.hash = address("services", "", { by: kind, key: wanted, which });
  }

  return html`
    <div class="title">
      <h1 tabindex="-1">Services</h1>
      <a class="button primary" href=${address("services", "new")}>Start a service</a>
    </div>
    <form class="search" role="search" onSubmit=${submit}>
      <fieldset class="by"><legend>Find by</legend>
        ${Object.entries(KINDS).map(([name, title]) => html`<label key=${name} class="check">
          <input type="radio" name="by" checked=${kind === name} onChange=${() => setKind(name)} /> ${title}
        </label>`)}
      </fieldset>
      <label for="key">${KINDS[kind]}</label>
      <div class="beside">
        <input id="key" type="search" autocomplete="off" inputmode=${kind === "id" ? "numeric" : "text"} value=${text} onInput=${(event) => setText(event.target.value)} />
        <button type="submit" class="primary">Find</button>
      </div>
    </form>
    ${isList && html`
      <nav class="presets" aria-label="Services that are shown">
        ${["", "active", "completed"].map((each) => html`<a key=${each} href=${address("services", "", { by, key, which: each })} aria-current=${each === which ? "true" : undefined}>${each ? each[0].toUpperCase() + each.slice(1) : "All"}</a>`)}
      </nav>
      ${live.problem && html`<p class="fault" role="alert">${live.problem.message}</p>`}
      <${Table} caption="Services of ${KINDS[by].toLowerCase()} ${key}" columns=${COLUMNS} rows=${live.data ?? []} keyOf=${(row) => String(row.service_id)}
        isLoading=${live.isLoading} empty="There is no such service." />
      <${Pages} total=${live.total} isLeast=${live.isLeast} page=${page} size=${size} go=${go} noun="Services" />
    `}
    ${!isList && html`<p class="muted">Services are found by their id, by their customer, or, as long as they are anonymous, by their contact key. There is no list of all.</p>`}
  `;
}

export function NewService() {
  return html`
    <p class="crumbs"><a href=${address("services")}>Services</a></p>
    <h1 tabindex="-1">Start a service</h1>
    <p class="help">A customer or a contact key is needed, or both; without a customer the service is anonymous.</p>
    <div class="group"><${Step} name="start" path="services/start" onDone=${({ service_id: id }) => {
      say(`Started the service ${id}.`);
      location.hash = address("services", id);
    }} /></div>
  `;
}
