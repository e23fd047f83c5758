// The search above a table: what is typed, the filter that it stands for, and how to ask the
// same from a shell.

import { Button } from "./button.mjs";
import { html, useEffect, useRef, useState } from "./dom.mjs";
import { stringify } from "./exact.mjs";
import { asCurl } from "./filter.mjs";
import { useKeys } from "./keys.mjs";
import { complain, say } from "./messages.mjs";

const AFTER_TYPING = 250;

const EXAMPLES = ["svcscriptcode:mail", "intervalsec>=60", "ext.owner:ops", "is:disabled"];

export function Search({ search, filter, fault, problem, url, parameters, examples = EXAMPLES, onSearch }) {
  const [text, setText] = useState(search);
  const sent = useRef(search);
  const field = useRef(null);
  useEffect(() => {
    // The address changed otherwise than by what was typed here.
    if (search !== sent.current) setText((sent.current = search));
  }, [search]);
  useEffect(() => {
    if (text === sent.current) return undefined;
    const timer = setTimeout(() => onSearch((sent.current = text)), AFTER_TYPING);
    return () => clearTimeout(timer);
  }, [text]);
  useKeys({ "/": () => field.current.focus() });

  async function copy() {
    const given = Object.fromEntries(Object.entries(parameters).filter(([, value]) => value));
    try {
      await navigator.clipboard.writeText(asCurl(url, given));
      say("Copied the command.");
    } catch {
      complain("This browser does not let the page copy.");
    }
  }

  const isRefused = problem?.status === 400;
  return html`<div class="search" role="search">
    <label for="search">Search</label>
    <div class="beside">
      <input id="search" type="search" ref=${field} value=${text} autocomplete="off" spellcheck=${false}
        aria-describedby="search-help" aria-invalid=${fault || isRefused ? "true" : undefined} onInput=${(event) => setText(event.target.value)} />
      <${Button} isOff=${!text} onClick=${() => (setText(""), field.current.focus())}>Clear<//>
      <button type="button" onClick=${copy}>Copy as curl</button>
    </div>
    <p class="help" id="search-help">Words of the name, ${examples.map((each) => html`<code key=${each}>${each}</code>, `)}or a filter in JSON.</p>
    <p class="filter" aria-live="polite">
      ${fault ? html`<span class="fault">${fault}</span>` : isRefused ? html`<span class="fault">${problem.message}</span>` : html`filter: <code>${filter ? stringify(filter) : "none"}</code>`}
    </p>
  </div>`;
}
