// The view of the server: how it is, what it holds, its mode, and who one is.

import { ask } from "./api.mjs";
import { Confirmation } from "./dialog.mjs";
import { html, useEffect, useState } from "./dom.mjs";
import { KeysSwitch } from "./keys.mjs";
import { useLive } from "./live.mjs";
import { TokenForm } from "./login.mjs";
import { complain, say } from "./messages.mjs";
import { keepToken, token } from "./session.mjs";
import { Table } from "./table.mjs";
import { Time } from "./zones.mjs";

const EVERY = 5000;

function bytes(kilobytes) {
  return `${(Number(kilobytes) / 1024).toLocaleString("en", { maximumFractionDigits: 0 })} MB`;
}

export function Server() {
  const health = useLive("health", { every: EVERY });
  const status = useLive("server/status", { every: EVERY });
  const who = useWho();
  // All at once, so that nothing moves.
  const isKnown = [health, status, who].every((each) => each.data || each.problem);
  return html`
    <div class="title">
      <h1 tabindex="-1">Server</h1>
      ${health.data && html`<span class="badge ${health.data.status === "ok" ? "good" : "bad"}">${health.data.status}</span>`}
    </div>
    ${health.problem && html`<p class="fault" role="alert">${health.problem.message}</p>`}
    ${!isKnown && html`<p class="muted" aria-busy="true">Loading…</p>`}
    ${isKnown && html`<div class="columns">
      <div>
        ${health.data?.runner && html`<${Runner} runner=${health.data.runner} />`}
        <${Tables} tables=${health.data?.tables ?? {}} />
        <${Status} live=${status} version=${health.data?.version} />
      </div>
      <div class="side">
        <${Who} ...${who} />
        <section class="panel" aria-label="Preferences"><h2>Keyboard</h2><${KeysSwitch} /></section>
      </div>
    </div>`}
  `;
}

function Runner({ runner }) {
  const { alive, looked, active, open, faults } = runner;
  const list = Array.isArray(faults) ? faults : faults ? [faults] : [];
  return html`<section class="panel" aria-labelledby="runner-title">
    <h2 id="runner-title">Runner</h2>
    <p><span class="badge ${Number(alive) ? "good" : "off"}">${Number(alive) ? "alive" : "none is alive"}</span></p>
    <dl class="facts">
      <div><dt>runners that are alive</dt><dd>${String(alive)}</dd></div>
      ${looked && html`<div><dt>looked at the tasks</dt><dd><${Time} at=${looked} /></dd></div>`}
      <div><dt>active runs</dt><dd>${String(active)}</dd></div>
      <div><dt>open slots</dt><dd>${String(open)}</dd></div>
    </dl>
    ${list.map((fault) => html`<p class="fault">${typeof fault === "string" ? fault : JSON.stringify(fault)}</p>`)}
  </section>`;
}

const COLUMNS = [
  { name: "table", title: "Table", cell: ([name]) => html`<code>${name}</code>` },
  { name: "documents", title: "Documents", style: "number", cell: ([, table]) => Number(table.documents).toLocaleString("en") },
  { name: "figures", title: "Storage", cell: ([, { documents, ...others }]) => html`<${Figures} figures=${Object.assign({}, ...Object.values(others))} />` },
];

/** What a back end says of a table, also what is zero: nothing moves when it is not any more. */
function Figures({ figures }) {
  const given = Object.entries(figures).filter(([name, value]) => name !== "fault" || value);
  return given.map(([name, value]) => html`<div key=${name} class=${name === "fault" ? "fault" : ""}>
    <span class="muted">${name.replace(/_timestamp_seconds$/, "").replaceAll("_", " ")}</span>${" "}
    ${name.endsWith("_timestamp_seconds") ? html`<br /><${Moment} seconds=${value} />` : typeof value === "number" ? value.toLocaleString("en") : value}
  </div>`);
}

/** A moment in a line of its own, which is as high without one. */
function Moment({ seconds }) {
  return seconds ? html`<${Time} at=${new Date(seconds * 1000).toISOString()} away=${false} />` : "never";
}

function Tables({ tables }) {
  return html`<section class="panel" aria-labelledby="tables-title">
    <h2 id="tables-title">Tables</h2>
    <${Table} caption="Tables of the store" columns=${COLUMNS} rows=${Object.entries(tables)} keyOf=${([name]) => name} empty="Only senders with a token see the tables." />
  </section>`;
}

function Status({ live, version }) {
  const [wanted, setWanted] = useState("");
  const { data, problem } = live;
  async function change() {
    setWanted("");
    try {
      await ask("POST", "server/mode", { body: { mode: wanted } });
      say(`The server is in ${wanted}.`);
      live.refresh();
    } catch (refusal) {
      complain(refusal);
    }
  }
  const other = data?.mode === "production" ? "maintenance" : "production";
  return html`<section class="panel" aria-labelledby="status-title">
    <h2 id="status-title">Status</h2>
    ${problem && html`<p class="fault">${problem.message}</p>`}
    ${version && !data && html`<p>Version ${version}</p>`}
    ${data && html`
      <dl class="facts">
        <div><dt>mode</dt><dd><span class="badge ${data.mode === "production" ? "good" : "active"}">${data.mode}</span></dd></div>
        <div><dt>version</dt><dd>${data.version}</dd></div>
        <div><dt>started</dt><dd><${Time} at=${data.started} /></dd></div>
        <div><dt>requests today</dt><dd>${Number(data.request_today).toLocaleString("en")}</dd></div>
        <div><dt>refused today</dt><dd>${Number(data.client_errors_today).toLocaleString("en")}</dd></div>
        <div><dt>failed today</dt><dd>${Number(data.server_errors_today).toLocaleString("en")}</dd></div>
        <div><dt>memory used</dt><dd>${bytes(data.used_memory)} of ${bytes(data.max_memory)}</dd></div>
      </dl>
      <div class="actions"><button type="button" onClick=${() => setWanted(other)}>Put it into ${other}</button></div>
    `}
    ${wanted && html`<${Confirmation} title="Put the server into ${wanted}?" action="Put it into ${wanted}" onConfirm=${change} onClose=${() => setWanted("")}>
      <p>${wanted === "maintenance" ? "Every request for services is then refused, and no task is started, until it is in production again." : "Services can then be used, and tasks are started."}</p>
    <//>`}
  </section>`;
}

/** Who one is, as ``data`` or ``problem``; ``look`` asks again. */
function useWho() {
  const [who, set] = useState({});
  const look = () => ask("GET", "whoami").then(({ data }) => set({ data }), (problem) => set({ problem }));
  useEffect(() => {
    look();
  }, []);
  return { ...who, look };
}

function Who({ data: who, problem, look }) {
  function leave() {
    keepToken("");
    say("This tab forgot its token.");
    look();
  }
  return html`<section class="panel" aria-labelledby="who-title">
    <h2 id="who-title">Who you are</h2>
    ${problem && html`<p class="fault">${problem.message}</p>`}
    ${who && html`<p>${who.name ? html`The token <b>${who.name}</b>, with the role <b>${who.role}</b>${token() ? ", kept for this tab" : ", which the browser keeps"}.` : "Nobody needs a token here: any program of this machine may do all."}</p>`}
    ${token() && html`<p><button type="button" onClick=${leave}>Log out of this tab</button></p>`}
    <details><summary>Act with another token in this tab</summary><${TokenForm} onDone=${look} /></details>
  </section>`;
}
