// Whose token is sent. It is kept for this tab only, and no cookie is ever set.

const KEY = "svctasks.token";

const listeners = new Set();

let isRefused = false;

export function token() {
  return sessionStorage.getItem(KEY) ?? "";
}

export function keepToken(text) {
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
  isRefused = false;
  for (const listener of listeners) listener();
}

/** Note that the service refused a request for want of a valid token. */
export function refuse() {
  if (isRefused) return;
  isRefused = true;
  for (const listener of listeners) listener();
}

export const isTokenNeeded = () => isRefused;

export function onSession(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
