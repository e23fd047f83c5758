// The form for a token, which is kept for this tab only.

import { ask } from "./api.mjs";
import { html, useState } from "./dom.mjs";
import { say } from "./messages.mjs";
import { keepToken, token } from "./session.mjs";

export function LogIn() {
  return html`<h1 tabindex="-1">Log in</h1>
    <p>${token() ? "The token of this tab is not valid, or no longer." : "This server needs a token."}</p>
    <${TokenForm} />`;
}

export function TokenForm({ onDone = () => {} }) {
  const [text, setText] = useState("");
  const [fault, setFault] = useState("");
  async function submit(event) {
    event.preventDefault();
    try {
      const { data } = await ask("GET", "whoami", { as: text.trim() });
      keepToken(text.trim());
      say(`This tab now acts as “${data.name}”, with the role ${data.role}.`);
      setText("");
      setFault("");
      onDone();
    } catch (problem) {
      setFault(problem.message);
    }
  }
  return html`<form class="login" onSubmit=${submit}>
    <div class="field">
      <label for="token">Token</label>
      <input id="token" type="password" autocomplete="off" required aria-invalid=${fault ? "true" : undefined} aria-describedby="token-help token-fault"
        value=${text} onInput=${(event) => setText(event.target.value)} />
      <p class="help" id="token-help">One that <code>svctasks token create</code> printed. It is kept for this tab until you close it.</p>
      <p class="fault" id="token-fault" role="status">${fault}</p>
    </div>
    <button type="submit" class="primary">Log in</button>
  </form>`;
}
