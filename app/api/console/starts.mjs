// When tasks start next, and why not.

import { ask, TASKS } from "./api.mjs";
import { html, useEffect, useMemo, useState } from "./dom.mjs";
import { useEach } from "./each.mjs";
import { useLive } from "./live.mjs";
import { relative, shown, zoneName } from "./time.mjs";
import { Time, useNow, useZone } from "./zones.mjs";

const AFTER_TYPING = 300;
const MOST = 10;

async function look(row, signal) {
  const { data } = await ask("GET", `${TASKS}/${row.id}/next?count=1`, { signal });
  return { changed: row.ext.lwt, start: data.starts[0]?.start, why: data.why };
}

/** The next start of each row of a list, by id. A row is asked for again when it was changed,
 * or when the start that is known has passed. */
export function useNextStarts(rows) {
  const now = useNow();
  const isOver = ({ changed, start }, row) => changed !== row.ext.lwt || (start && Date.parse(start) <= now);
  return useEach(rows, look, isOver, now);
}

/** The next start in a row of a table, or in a word why there is none, or why it is in vain. */
export function NextStart({ next }) {
  if (!next) return html`<span class="muted">…</span>`;
  if (!next.start) return html`<span class="muted why-not" title=${next.why}>never: ${next.why}</span>`;
  return html`<${Time} at=${next.start} away=${!next.why} />${next.why && html`<span class="muted why-not" title=${next.why}>but ${next.why}</span>`}`;
}

/** The starts of a draft while it is typed: those of the stored task while it is unchanged. */
function useStarts(draft, storedId) {
  const live = useLive(storedId ? `${TASKS}/${storedId}/next?count=${MOST}` : "", { every: 10000 });
  const [asked, set] = useState({});
  const text = storedId ? "" : JSON.stringify(draft, (_, value) => (typeof value === "bigint" ? String(value) : value));
  useEffect(() => {
    if (!text) return undefined;
    const controller = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const body = { ...draft, name: draft.name?.trim() || "draft" };
        const { data } = await ask("QUERY", `${TASKS}/next?count=${MOST}`, { body, signal: controller.signal });
        set({ data });
      } catch (problem) {
        if (!controller.signal.aborted) set((known) => ({ ...known, problem }));
      }
    }, AFTER_TYPING);
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [text]);
  return storedId ? live : asked;
}

/** The next ten starts of a task, beside its form. */
export function NextStarts({ draft, storedId }) {
  const isOff = !Number(draft.isenabled ?? 0);
  const asked = useMemo(() => (isOff ? { ...draft, isenabled: 1 } : draft), [draft]);
  const { data, problem } = useStarts(asked, isOff ? "" : storedId);
  const zone = useZone();
  const now = useNow(1);
  return html`<section class="panel starts" aria-labelledby="starts-title">
    <h2 id="starts-title">Next starts</h2>
    ${problem && html`<p class="fault">${problem.message}</p>`}
    ${isOff && html`<p class="why">It is disabled and does not start. Enabled, it would start so:</p>`}
    ${data && html`
      ${data.why && html`<p class="why" role="status">${data.starts.length ? "Note" : "None"}: ${data.why}.</p>`}
      <ol>
        ${data.starts.map(({ start, slot }) => {
          const moment = Date.parse(start);
          return html`<li key=${start + slot}>
            <time datetime=${start} title=${start}>${shown(moment, zone)}</time>
            <span class="away">${relative(moment, now)}</span>
          </li>`;
        })}
      </ol>
      <p class="help">Times in ${zoneName(zone, now)}. Working hours: ${data.hours}.</p>
    `}
  </section>`;
}
