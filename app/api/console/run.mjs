// The view of one run: how it went, and its output, while it runs too.

import { address } from "./address.mjs";
import { RUNS, TASKS, ask } from "./api.mjs";
import { Button } from "./button.mjs";
import { html } from "./dom.mjs";
import { useLive } from "./live.mjs";
import { complain, say } from "./messages.mjs";
import { Badge } from "./outcomes.mjs";
import { Output } from "./output.mjs";
import { lasting } from "./time.mjs";
import { Time, useNow } from "./zones.mjs";

const TIMES = ["slot", "started", "ended", "until"];
const FACTS = ["slot", "started", "ended", "until", "duration", "cause", "attempt", "attempts", "count", "exitcode", "signal", "status", "code", "site", "node", "outputbytes"];
/** What a fact is called, where that is more than its name. */
const TITLES = { slot: "planned for", exitcode: "exit code", code: "script", outputbytes: "bytes of output" };
const NEVER_STARTED = ["missed", "skipped"];

export function Run({ id }) {
  const path = `${RUNS}/${encodeURIComponent(id)}`;
  const live = useLive(path, { every: 1000 });
  const now = useNow(1);
  const run = live.data;
  if (!run) {
    return html`<p class="crumbs"><a href=${address("runs")}>Runs</a></p>
      <div class="title"><h1 tabindex="-1">Run</h1></div>
      ${live.problem ? html`<p class="fault" role="alert">${live.problem.message}</p><p><a href=${address("runs")}>All runs</a></p>` : html`<p class="muted" aria-busy="true">Loading…</p>`}`;
  }
  const isActive = run.state === "running" || run.state === "wanted";

  async function stop() {
    try {
      const { data } = await ask("POST", `${path}/stop`);
      live.replace(() => data);
      say("The run is being stopped.");
    } catch (problem) {
      complain(problem);
    }
    live.refresh();
  }

  async function again() {
    try {
      const { data } = await ask("POST", `${TASKS}/${run.svctask}/run`);
      location.hash = address("runs", data.id);
    } catch (problem) {
      complain(problem);
    }
  }

  const value = (name) => {
    if (TIMES.includes(name)) return html`<${Time} at=${run[name]} />`;
    if (name === "duration") return lasting(Number(run.duration));
    return String(run[name]);
  };
  const isKnown = (name) => run[name] !== undefined && run[name] !== null && run[name] !== "";
  return html`
    <p class="crumbs"><a href=${address("runs")}>Runs</a></p>
    <div class="title">
      <h1 tabindex="-1">Run of <a href=${address("tasks", run.svctask)}>${run.name || run.svctask}</a></h1>
      <${Badge} state=${run.state} />
    </div>
    <p role="status">${run.reason}${run.state === "running" && run.started ? ` running for ${lasting(Math.max(0, now - Date.parse(run.started)))}` : ""}</p>
    <div class="bar">
      <${Button} class="danger" isOff=${!isActive} onClick=${stop}>Stop<//>
      <button type="button" onClick=${again}>Run again</button>
    </div>
    <section class="panel" aria-label="Facts">
      <dl class="facts">${FACTS.filter(isKnown).map((name) => html`<div key=${name}><dt>${TITLES[name] ?? name}</dt><dd>${value(name)}</dd></div>`)}</dl>
    </section>
    ${!NEVER_STARTED.includes(run.state) && html`<${Output} key=${id} id=${encodeURIComponent(id)} isActive=${isActive} />`}
  `;
}
