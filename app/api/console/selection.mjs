// Rows of a table that are chosen, on any page, and what is done to each of them.

import { useState } from "./dom.mjs";

/** The chosen rows of a table, as ``rows`` have them now, or as they were when they were chosen. */
export function useSelection(rows, keyOf) {
  const [known, set] = useState(new Map());
  const choose = (chosen) => set(new Map(chosen.map((row) => [keyOf(row), row])));
  return {
    chosen: [...known].map(([key, row]) => rows.find((each) => keyOf(each) === key) ?? row),
    has: (row) => known.has(keyOf(row)),
    choose,
    toggle: (row) => set((before) => {
      const next = new Map(before);
      if (!next.delete(keyOf(row))) next.set(keyOf(row), row);
      return next;
    }),
    renew: (row) => set((before) => (before.has(keyOf(row)) ? new Map(before).set(keyOf(row), row) : before)),
    drop: (row) => set((before) => new Map([...before].filter(([key]) => key !== keyOf(row)))),
  };
}

const NAMED = 5;

/** Names for people, not too many. */
function listed(rows) {
  const names = rows.slice(0, NAMED).map((row) => `“${row.name}”`).join(", ");
  return rows.length > NAMED ? `${names} and ${rows.length - NAMED} more` : names;
}

/** Do something to each row, one after the other: ``act(row)`` raises Problem, with status 412
 * for a row that is not any more as it was seen. Returns how many were done, and the texts that
 * say what became of the others. */
export async function toEach(rows, act) {
  const moved = [];
  const refused = new Map();
  for (const row of rows) {
    try {
      await act(row);
    } catch (problem) {
      if (problem.status === 412) moved.push(row);
      else refused.set(problem.message, [...(refused.get(problem.message) ?? []), row]);
    }
  }
  const texts = [...refused].slice(0, NAMED).map(([message, those]) => `${listed(those)}: ${message}`);
  if (moved.length) texts.unshift(`somebody else changed ${listed(moved)} meanwhile`);
  const left = moved.length + [...refused.values()].flat().length;
  return { done: rows.length - left, left, texts };
}
