// Something that is asked for each row of a list, a few at a time.

import { useEffect, useRef, useState } from "./dom.mjs";

const AT_ONCE = 4;

/**
 * What ``look(row, signal)`` finds for each row, by id; a row is looked at again when
 * ``isOver(found, row)``, of which is thought anew whenever ``rows`` or ``now`` change.
 */
export function useEach(rows, look, isOver, now) {
  const [known, set] = useState(new Map());
  const latest = useRef(known);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const kept = rows.filter(({ id }) => latest.current.has(id)).map(({ id }) => [id, latest.current.get(id)]);
    latest.current = new Map(kept);
    const wanted = rows.filter((row) => !latest.current.has(row.id) || isOver(latest.current.get(row.id), row));
    async function work() {
      for (let row = wanted.shift(); row && !signal.aborted; row = wanted.shift()) {
        try {
          latest.current.set(row.id, await look(row, signal));
        } catch {
          return;
        }
      }
      if (!signal.aborted) set(new Map(latest.current));
    }
    if (wanted.length) for (let count = 0; count < AT_ONCE; count += 1) work();
    return () => controller.abort();
  }, [rows, now]);
  return known;
}
