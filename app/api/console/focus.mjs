// The focus stays in its place when what has it is removed or moved by what the page shows anew.

import { useEffect } from "./dom.mjs";

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

/** Watch the focus in ``#main``. If it is lost, the same element gets it, or the next that is
 * left of those after it, or before it, or the heading. */
export function useKeptFocus() {
  useEffect(() => {
    const main = document.getElementById("main");
    let near = [];
    const note = ({ target }) => {
      const all = [...main.querySelectorAll(FOCUSABLE)];
      const at = all.indexOf(target);
      near = at < 0 ? [] : [target, ...all.slice(at + 1, at + 50), ...all.slice(Math.max(0, at - 50), at).reverse()];
    };
    // One who points elsewhere wants to leave.
    const leave = () => (near = []);
    const mend = () => {
      if (!near.length || document.activeElement !== document.body) return;
      const left = near.find((each) => each.isConnected && each.getClientRects().length) ?? main.querySelector("h1");
      left?.focus();
    };
    const observer = new MutationObserver(mend);
    observer.observe(document.body, { childList: true, subtree: true });
    document.addEventListener("focusin", note);
    document.addEventListener("pointerdown", leave);
    return () => {
      observer.disconnect();
      document.removeEventListener("focusin", note);
      document.removeEventListener("pointerdown", leave);
    };
  }, []);
}
