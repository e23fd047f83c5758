// A button that keeps the focus when it has nothing to do, as a disabled one would not.

import { html } from "./dom.mjs";

export function Button({ isOff = false, type = "button", onClick, children, ...attributes }) {
  const press = (event) => (isOff ? event.preventDefault() : onClick?.(event));
  return html`<button type=${type} ...${attributes} aria-disabled=${isOff ? "true" : undefined} onClick=${press}>${children}</button>`;
}
