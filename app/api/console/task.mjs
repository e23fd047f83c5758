// The view of one service task, stored or new: its form, its JSON, its next starts and runs.

import { address } from "./address.mjs";
import { SCRIPTS, TASKS, ask, openapi } from "./api.mjs";
import { Button } from "./button.mjs";
import { Confirmation } from "./dialog.mjs";
import { html, useEffect, useMemo, useRef, useState } from "./dom.mjs";
import { changes } from "./draft.mjs";
import { same } from "./exact.mjs";
import { Field, focusFault } from "./fields.mjs";
import { useLive } from "./live.mjs";
import { Merge } from "./merge.mjs";
import { complain, hush, say } from "./messages.mjs";
import { RawJson } from "./raw.mjs";
import { RunsOfTask } from "./runs.mjs";
import { faultsByField, fieldsOf } from "./schema.mjs";
import { NextStarts } from "./starts.mjs";

const GROUPS = [
  { title: "What", names: ["name", "isenabled", "svcscriptcode", "opts"] },
  { title: "When", names: ["isregular", "intervalsec", "dtstart", "dtstop", "schedule", "periods"] },
  { title: "Where and how", names: ["sitemode", "sites", "overlap"] },
  { title: "More", names: ["id", "ext"] },
];

/** A new task, as far as the description of the API says what it is without more. */
function blank(api) {
  const properties = api.components.schemas.NewSvctask.properties;
  const given = Object.entries(properties).filter(([, each]) => each.default !== undefined);
  return { name: "", ...Object.fromEntries(given.map(([name, each]) => [name, each.default])) };
}

export function Task({ id, query, go }) {
  const isNew = id === "new";
  const [api, setApi] = useState(null);
  const [stored, setStored] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    openapi().then(setApi, setProblem);
  }, []);
  useEffect(() => {
    // A new task may begin as a copy of another.
    const from = isNew ? query.from : id;
    if (!from) return;
    ask("GET", `${TASKS}/${encodeURIComponent(from)}`).then(setStored, setProblem);
  }, [id]);
  if (problem) return html`<h1 tabindex="-1">${problem.status === 404 ? "There is no such task" : "The task cannot be shown"}</h1><p class="fault">${problem.message}</p><p><a href=${address("tasks")}>All tasks</a></p>`;
  if (!api || (!stored && (!isNew || query.from))) return html`<p class="crumbs"><a href=${address("tasks")}>Service tasks</a></p><div class="title"><h1 tabindex="-1">Service task</h1></div><p class="muted" aria-busy="true">Loading…</p>`;
  if (!isNew) return html`<${Editor} api=${api} stored=${stored} tab=${query.tab} go=${go} />`;
  const { id: _, ext, ...copied } = stored?.data ?? {};
  const { ct, lwt, ...own } = ext ?? {};
  const draft = { ...blank(api), ...copied, ...(stored && { name: `${copied.name} (copy)`, isenabled: 0, ext: own }) };
  return html`<${Editor} api=${api} first=${draft} tab=${query.tab} go=${go} />`;
}

function Editor({ api, stored, first, tab = "form", go }) {
  const [base, setBase] = useState(stored?.data ?? first);
  const [tag, setTag] = useState(stored?.tag);
  const [draft, setDraft] = useState(base);
  const [faults, setFaults] = useState({});
  const [theirs, setTheirs] = useState(null);
  const [isDeleting, setDeleting] = useState(false);
  const [isSaving, setSaving] = useState(false);
  const [jsonFault, setJsonFault] = useState("");
  const form = useRef(null);
  const isNew = !stored;
  const isChanged = !same(base, draft);
  const fields = useMemo(() => fieldsOf(api, "NewSvctask"), [api]);
  const { data: scripts } = useLive(SCRIPTS, { every: 30000 });
  const live = useLive(isNew ? "" : `${TASKS}/${base.id}`);
  const isMoved = Boolean(live.tag && tag && live.tag !== tag);

  useEffect(() => {
    // What somebody else changed is shown at once where nothing was typed.
    if (isMoved && !isChanged && !isSaving) accept(live);
  }, [live.tag, isChanged]);

  useEffect(() => {
    const warn = (event) => isChanged && event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isChanged]);

  function accept({ data, tag: newTag }) {
    setBase(data);
    setDraft(data);
    setTag(newTag);
    setFaults({});
    setTheirs(null);
  }

  async function save(body, match) {
    setSaving(true);
    try {
      if (isNew) {
        const { data } = await ask("POST", TASKS, { body });
        say(`Made the task “${data.name}”.`);
        location.hash = address("tasks", data.id);
        return;
      }
      accept(await ask("PATCH", `${TASKS}/${base.id}`, { body, match }));
      live.refresh();
      say("Saved.");
    } catch (problem) {
      await refuse(problem);
    } finally {
      setSaving(false);
    }
  }

  async function refuse(problem) {
    if (problem.status === 412) {
      try {
        setTheirs(await ask("GET", `${TASKS}/${base.id}`));
      } catch (gone) {
        complain(gone.status === 404 ? "Somebody deleted this task." : gone);
      }
      return;
    }
    complain(problem);
    setFaults(faultsByField(problem.errors ?? {}));
    requestAnimationFrame(() => focusFault(form.current));
  }

  const submit = (event) => {
    event.preventDefault();
    if (jsonFault) return complain(`The JSON has a fault: ${jsonFault}`);
    return save(isNew ? draft : changes(base, draft), tag);
  };

  async function run() {
    try {
      const { data } = await ask("POST", `${TASKS}/${base.id}/run`);
      location.hash = address("runs", data.id);
    } catch (problem) {
      complain(problem);
    }
  }

  async function remove() {
    setDeleting(false);
    try {
      await ask("DELETE", `${TASKS}/${base.id}`, { match: tag });
      say(`Deleted the task “${base.name}”.`);
      location.hash = address("tasks");
    } catch (problem) {
      complain(problem);
    }
  }

  const write = (name, value) => {
    setDraft((known) => {
      const copy = { ...known, [name]: value };
      if (value === undefined) delete copy[name];
      return copy;
    });
    // The fault was that of what is no longer there.
    setFaults(({ [name]: _, ...others }) => others);
    if (faults[name]) hush();
  };

  const isShown = (name) => (name === "id" ? isNew : name === "periods" ? draft.schedule === "individual" || draft.periods?.length : true);
  const groups = [...GROUPS];
  const others = fields.filter((field) => !GROUPS.some((group) => group.names.includes(field.name)));
  if (others.length) groups.push({ title: "Further", names: others.map((field) => field.name) });

  return html`
    <p class="crumbs"><a href=${address("tasks")}>Service tasks</a></p>
    <div class="title">
      <h1 tabindex="-1">${isNew ? "New task" : base.name}</h1>
      ${!isNew && html`<span class="badge ${base.isenabled ? "good" : "off"}">${base.isenabled ? "enabled" : "disabled"}</span>`}
    </div>
    <div class="columns">
      <form ref=${form} onSubmit=${submit} novalidate>
        <div class="bar">
          <${Button} type="submit" class="primary" isOff=${isSaving || (!isNew && !isChanged)}>${isNew ? "Make the task" : "Save"}<//>
          ${!isNew && html`
            <${Button} isOff=${!isChanged} onClick=${() => (setDraft(base), setFaults({}))}>Discard changes<//>
            <button type="button" onClick=${run}>Run now</button>
            <a class="button" href=${address("tasks", "new", { from: base.id })}>Copy</a>
            <button type="button" class="danger" onClick=${() => setDeleting(true)}>Delete</button>
          `}
        </div>
        <p class="moved" role="status">${isMoved && isChanged ? "Somebody else changed this task meanwhile. When you save, you choose what stays." : ""}</p>
        <div class="tabs" role="group" aria-label="How the task is shown">
          <${Button} aria-pressed=${tab !== "json"} isOff=${Boolean(jsonFault)} onClick=${() => go({ tab: "" })}>Form<//>
          <button type="button" aria-pressed=${tab === "json"} onClick=${() => go({ tab: "json" })}>JSON</button>
        </div>
        ${tab === "json"
          ? html`<${RawJson} value=${draft} onChange=${setDraft} fault=${jsonFault} onFault=${setJsonFault} faults=${faults} />`
          : groups.map(({ title, names }) => html`<section key=${title} class="group" aria-label=${title}>
              <h2>${title}</h2>
              ${names.filter(isShown).map((name) => fields.find((field) => field.name === name)).filter(Boolean).map((field) => html`<${Field} key=${field.name} field=${field}
                value=${draft[field.name]} onChange=${(value) => write(field.name, value)} faults=${faults[field.name]}
                suggestions=${field.name === "svcscriptcode" ? scripts : undefined} />`)}
            </section>`)}
      </form>
      <div class="side">
        <${NextStarts} draft=${draft} storedId=${!isNew && !isChanged ? base.id : ""} />
        ${!isNew && html`<${RunsOfTask} id=${base.id} />`}
      </div>
    </div>
    ${theirs && html`<${Merge} base=${base} theirs=${theirs.data} yours=${draft} onClose=${() => setTheirs(null)}
      onChoose=${(chosen) => {
        setBase(theirs.data);
        setTag(theirs.tag);
        setDraft(chosen);
        setTheirs(null);
        const body = changes(theirs.data, chosen);
        if (Object.keys(body).length) save(body, theirs.tag);
        else accept(theirs);
      }} />`}
    ${isDeleting && html`<${Confirmation} title="Delete this task?" action="Delete" onConfirm=${remove} onClose=${() => setDeleting(false)}>
      <p>“${base.name}” cannot be had back.</p>
    <//>`}
  `;
}
