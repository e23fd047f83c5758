// The output of a run, as it comes: asked for from the byte on that is not known yet.

import { RUNS, ask } from "./api.mjs";
import { html, useEffect, useRef, useState } from "./dom.mjs";

const EVERY = 1000;

/** Bytes of a text in UTF-8. */
const encoder = new TextEncoder();

/** The output so far. While ``isActive`` it grows; in the end it is read once more as a whole,
 * since of a long one the middle is left out. */
function useOutput(id, isActive) {
  const [text, set] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    const controller = new AbortController();
    let known = "";
    let timer;
    async function look() {
      const from = encoder.encode(known).length;
      const range = isActive && from ? `bytes=${from}-` : undefined;
      try {
        const reply = await ask("GET", `${RUNS}/${id}/output`, { range, signal: controller.signal });
        known = reply.status === 206 ? known + reply.data : reply.data;
        set(known);
        setProblem(null);
      } catch (refusal) {
        if (controller.signal.aborted) return;
        // 416: there is nothing new. 404: it has written nothing yet.
        if (refusal.status !== 416) setProblem(refusal.status === 404 ? null : refusal);
        if (refusal.status === 404) set((before) => before ?? "");
      }
      if (isActive && !controller.signal.aborted) timer = setTimeout(look, EVERY);
    }
    look();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [id, isActive]);
  return [text, problem];
}

export function Output({ id, isActive }) {
  const [text, problem] = useOutput(id, isActive);
  const [isFollowing, setFollowing] = useState(true);
  const box = useRef(null);
  useEffect(() => {
    if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text, isFollowing]);
  const lines = text ? text.split("\n").length - (text.endsWith("\n") ? 1 : 0) : 0;
  return html`<section class="panel" aria-labelledby="output-title">
    <div class="title">
      <h2 id="output-title">Output</h2>
      <label class="check"><input type="checkbox" checked=${isFollowing} onChange=${(event) => setFollowing(event.target.checked)} /> Follow the end</label>
    </div>
    ${problem && html`<p class="fault">${problem.message}</p>`}
    <pre ref=${box} tabindex="0" role="log" aria-live="off" aria-label="Output of the run">${text}</pre>
    <p class="help" role="status">${text === null ? "Loading…" : text === "" ? (isActive ? "It has written nothing yet." : "It wrote nothing.") : `${lines} ${lines === 1 ? "line" : "lines"}${isActive ? " so far" : ""}`}</p>
  </section>`;
}
