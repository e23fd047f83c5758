// What the service has, kept as it is now: asked for again and again with the tag of what is
// known, every two seconds while the page is seen, seldom otherwise, ever slower on failure.

import { ask } from "./api.mjs";
import { html, useCallback, useEffect, useRef, useState } from "./dom.mjs";
import { onSession } from "./session.mjs";

export const EVERY = 2000;
const HIDDEN = 10000;
const SLOWEST = 60000;

const silent = new Set();
const listeners = new Set();

function note(key, isSilent) {
  if (silent.has(key) === isSilent) return;
  if (isSilent) silent.add(key);
  else silent.delete(key);
  for (const listener of listeners) listener();
}

/**
 * The reply at ``path`` (none while that is empty), as ``data``, ``total`` (the least if ``isLeast``) and ``tag``.
 * ``isLoading`` while it is that of another path. ``refresh`` asks at once; ``replace``
 * shows what the reply to a write has.
 */
export function useLive(path, { every = EVERY } = {}) {
  const [state, set] = useState({ path: "", data: undefined });
  const look = useRef(() => {});
  useEffect(() => {
    if (!path) return undefined;
    const key = {};
    const controller = new AbortController();
    let timer;
    let tag;
    let wait = every;
    let isAsking = false;
    // What is on its way may be from before a write.
    let isWanted = false;
    async function once() {
      clearTimeout(timer);
      if (isAsking) {
        isWanted = true;
        return;
      }
      isAsking = true;
      try {
        const reply = await ask("GET", path, { tag, signal: controller.signal });
        wait = every;
        note(key, false);
        if (reply.status !== 304) {
          tag = reply.tag;
          const total = Number(reply.headers.get("X-Total-Count") ?? NaN);
          const isLeast = reply.headers.has("X-Total-Count-Is");
          set({ path, data: reply.data, tag, total, isLeast, problem: null });
        } else set((known) => (known.problem ? { ...known, problem: null } : known));
      } catch (problem) {
        if (controller.signal.aborted) return;
        wait = Math.min(wait * 2, SLOWEST);
        note(key, problem.status === 0);
        // What is known stays; only what is refused is gone.
        set((known) => (known.path === path && problem.status !== 404 ? { ...known, problem } : { path, problem }));
      } finally {
        isAsking = false;
      }
      if (isWanted && !controller.signal.aborted) {
        isWanted = false;
        await once();
        return;
      }
      if (!controller.signal.aborted) timer = setTimeout(once, document.hidden ? Math.max(wait, HIDDEN) : wait);
    }
    look.current = once;
    const seen = () => !document.hidden && once();
    document.addEventListener("visibilitychange", seen);
    const leave = onSession(once);
    once();
    return () => {
      controller.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      leave();
      note(key, false);
    };
  }, [path, every]);
  const refresh = useCallback(() => look.current(), []);
  const replace = useCallback((change) => set((known) => ({ ...known, data: change(known.data) })), []);
  return { ...state, isLoading: Boolean(path) && state.path !== path, refresh, replace };
}

/** The notice that the server does not answer; it takes no place from the page. */
export function Silence() {
  const [isSilent, set] = useState(false);
  useEffect(() => {
    const look = () => set(silent.size > 0);
    listeners.add(look);
    return () => listeners.delete(look);
  }, []);
  return html`<div class="silence" role="alert">
    ${isSilent && html`<p>The server does not answer. What you see is from before; it is asked again and again.</p>`}
  </div>`;
}
