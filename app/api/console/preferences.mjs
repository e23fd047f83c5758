// What a person prefers in this browser. What is looked for is in the address instead, so
// that nothing that is kept can lock somebody out.

import { useEffect, useState } from "./dom.mjs";

const listeners = new Set();

export function preference(name, otherwise) {
  try {
    return localStorage.getItem(`svctasks.${name}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function prefer(name, value) {
  try {
    localStorage.setItem(`svctasks.${name}`, value);
  } catch {
    // A browser that keeps nothing forgets it.
  }
  for (const listener of listeners) listener();
}

export function usePreference(name, otherwise) {
  const [value, set] = useState(() => preference(name, otherwise));
  useEffect(() => {
    const look = () => set(preference(name, otherwise));
    listeners.add(look);
    return () => listeners.delete(look);
  }, [name, otherwise]);
  return value;
}
