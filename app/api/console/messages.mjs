// What happened last, in a place of its own, so that nothing moves. Failures stay until they
// are dismissed or mended, or something else happens.

import { html, useEffect, useState } from "./dom.mjs";

const STAYS = 8000;

let show = () => {};

/** Say what happened. */
export function say(text) {
  show({ text, isFault: false });
}

/** Say what failed: a Problem, or a text. */
export function complain(problem) {
  show({ text: problem.message ?? problem, isFault: true });
}

/** Take back what failed, once it is mended. */
export function hush() {
  show((known) => (known?.isFault ? null : known));
}

export function Messages() {
  const [message, set] = useState(null);
  useEffect(() => {
    show = set;
  }, []);
  useEffect(() => {
    if (!message || message.isFault) return undefined;
    const timer = setTimeout(() => set(null), STAYS);
    return () => clearTimeout(timer);
  }, [message]);
  const shown = message && html`<p class=${message.isFault ? "fault" : ""}>
    ${message.text}
    <button type="button" class="quiet" onClick=${() => set(null)}>Dismiss</button>
  </p>`;
  return html`<div class="messages">
    <div role="status">${message && !message.isFault && shown}</div>
    <div role="alert">${message?.isFault && shown}</div>
  </div>`;
}
