// Shortcuts of one key, which can be switched off (WCAG 2.1.4).

import { Dialog } from "./dialog.mjs";
import { html, useEffect } from "./dom.mjs";
import { prefer, preference, usePreference } from "./preferences.mjs";

export const SHORTCUTS = [
  ["/", "go to the search"],
  ["n", "new task, or start a service"],
  ["j", "next row"],
  ["k", "previous row"],
  ["Enter", "open the row that has the focus"],
  ["e", "enable or disable the task of the row"],
  [".", "run the task of the row now"],
  ["?", "show the shortcuts"],
];

const WRITING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";

/** Call ``actions[key]`` for keys that are pressed outside of fields and dialogs. */
export function useKeys(actions) {
  useEffect(() => {
    function press(event) {
      const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented;
      const action = actions[event.key];
      if (!action || !isPlain || preference("keys", "on") !== "on") return;
      if (event.target.closest?.(WRITING) || document.querySelector("dialog[open]")) return;
      if (action(event) !== false) event.preventDefault();
    }
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  });
}

export function KeysSwitch() {
  const keys = usePreference("keys", "on");
  return html`<label class="check">
    <input type="checkbox" role="switch" checked=${keys === "on"}
      onChange=${(event) => prefer("keys", event.target.checked ? "on" : "off")} />
    Shortcuts of one key
  </label>`;
}

export function KeysDialog({ onClose }) {
  return html`<${Dialog} title="Shortcuts" onClose=${onClose}>
    <dl class="keys">
      ${SHORTCUTS.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}
    </dl>
    <${KeysSwitch} />
    <div class="actions"><button type="button" onClick=${onClose}>Close</button></div>
  <//>`;
}
