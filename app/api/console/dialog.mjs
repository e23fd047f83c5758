// A question that is asked above the page; the browser keeps the focus in it.

import { html, useEffect, useId, useRef } from "./dom.mjs";

export function Dialog({ title, onClose, children }) {
  const dialog = useRef(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    dialog.current.querySelector("[data-first]")?.focus();
    return () => before?.isConnected && before.focus();
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby=${id} onClose=${onClose}>
    <h2 id=${id}>${title}</h2>
    ${children}
  </dialog>`;
}

/** Ask whether to do what cannot be undone. */
export function Confirmation({ title, action, onConfirm, onClose, children }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    ${children}
    <div class="actions">
      <button type="button" class="danger" onClick=${onConfirm}>${action}</button>
      <button type="button" onClick=${onClose} data-first>Cancel</button>
    </div>
  <//>`;
}
