// The console: which view the address says, and what is around it.

import { address, parse } from "./address.mjs";
import { Agenda } from "./agenda.mjs";
import { html, render, useCallback, useEffect, useRef, useState } from "./dom.mjs";
import { useKeptFocus } from "./focus.mjs";
import { KeysDialog, useKeys } from "./keys.mjs";
import { Silence } from "./live.mjs";
import { LogIn } from "./login.mjs";
import { Messages } from "./messages.mjs";
import { Run } from "./run.mjs";
import { Runs } from "./runs.mjs";
import { Server } from "./server.mjs";
import { Service } from "./service.mjs";
import { Services } from "./services.mjs";
import { isTokenNeeded, onSession } from "./session.mjs";
import { Task } from "./task.mjs";
import { Tasks } from "./tasks.mjs";
import { ZoneChoice } from "./zones.mjs";

const VIEWS = {
  tasks: { title: "Tasks", all: Tasks, one: Task },
  agenda: { title: "Agenda", all: Agenda },
  runs: { title: "Runs", all: Runs, one: Run },
  services: { title: "Services", all: Services, one: Service },
  server: { title: "Server", all: Server },
};

function useAddress() {
  const [now, set] = useState(() => parse(location.hash));
  useEffect(() => {
    const look = () => set(parse(location.hash));
    addEventListener("hashchange", look);
    addEventListener("popstate", look);
    return () => {
      removeEventListener("hashchange", look);
      removeEventListener("popstate", look);
    };
  }, []);
  /** Change the query; with ``isTyping`` the history gets no entry. */
  const go = useCallback((query, isTyping = false) => {
    const at = parse(location.hash);
    const next = address(at.view, at.id, { ...at.query, ...query });
    if (isTyping) {
      history.replaceState(null, "", next);
      set(parse(next));
    } else location.hash = next;
  }, []);
  return [now, go];
}

/** Name the page as the heading of its view, and put the focus there when the view changes, so
 * that a screen reader begins with what is new. A view that has loaded may have another heading. */
function useHeading(view) {
  const isFirst = useRef(true);
  useEffect(() => {
    const main = document.getElementById("main");
    let focused = null;
    function follow() {
      const heading = main.querySelector("h1");
      document.title = `${heading?.textContent ?? "Nothing"} · svctasks`;
      if (focused && !focused.isConnected && document.activeElement === document.body) {
        heading?.focus({ preventScroll: true });
        focused = heading;
      }
    }
    if (!isFirst.current) {
      focused = main.querySelector("h1");
      focused?.focus();
    }
    isFirst.current = false;
    follow();
    const observer = new MutationObserver(follow);
    observer.observe(main, { childList: true, subtree: true, characterData: true });
    return () => observer.disconnect();
  }, [view]);
}

function Console() {
  const [{ view, id, query }, go] = useAddress();
  const [isRefused, setRefused] = useState(isTokenNeeded());
  const [isHelping, setHelping] = useState(false);
  useEffect(() => onSession(() => setRefused(isTokenNeeded())), []);
  useKeys({ "?": () => setHelping(true) });
  const known = VIEWS[view];
  const Shown = id && known?.one ? known.one : known?.all;
  useHeading(`${view}/${id}`);
  useKeptFocus();
  return html`
    <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), document.getElementById("main").focus())}>Go to the content</a>
    <header>
      <a class="brand" href=${address("tasks")}>svctasks</a>
      <nav aria-label="Views">
        ${Object.entries(VIEWS).map(([name, { title }]) => html`<a key=${name} href=${address(name)} aria-current=${name === view ? "page" : undefined}>${title}</a>`)}
        <a href="docs">API</a>
      </nav>
      <${ZoneChoice} />
      <button type="button" class="quiet" onClick=${() => setHelping(true)} aria-label="Shortcuts">?</button>
    </header>
    <${Silence} />
    <main id="main" tabindex="-1">
      ${isRefused ? html`<${LogIn} />` : Shown ? html`<${Shown} key=${`${view}/${id}`} id=${id} query=${query} go=${go} />` : html`<h1 tabindex="-1">There is no such page</h1><p><a href=${address("tasks")}>All tasks</a></p>`}
    </main>
    <${Messages} />
    ${isHelping && html`<${KeysDialog} onClose=${() => setHelping(false)} />`}
  `;
}

render(html`<${Console} />`, document.body);
