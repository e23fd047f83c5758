// A question that is asked above the page; the browser keeps the focus in it.

import { html, useId, useLayoutEffect, useRef } from "./dom.mjs";

export function Dialog({ title, onClose, children }) {
  const dialog = useRef(null);
  const id = useId();
  // At once, so that no key is pressed behind it.
  useLayoutEffect(() => {
    const before = document.activeElement;
    const shown = dialog.current;
    shown.showModal();
    shown.querySelector("[data-first]")?.focus();
    return () => {
      shown.close();
      // The browser gives it back only where the dialog is in the page still.
      if (before?.isConnected) before.focus();
    };
  }, []);
  // The browser says later that it has closed one: keys that are pressed until then would be lost.
  const escape = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    onClose();
  };
  const close = ({ target }) => target.isConnected && onClose();
  return html`<dialog ref=${dialog} aria-labelledby=${id} onKeyDown=${escape} onClose=${close}>
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
