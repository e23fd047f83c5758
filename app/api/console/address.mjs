// @ts-check
// Addresses: what that after # says, which view, of what, and how it is shown; and paths
// of the service with parameters.

import { stringify } from "./exact.mjs";

/** @typedef {{view: string, id: string, query: Record<string, string>}} Address */

/** @param {string} hash
 * @returns {Address}
 */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const [view, ...rest] = path.split("/");
  return {
    view: view || "tasks",
    id: decoded(rest.join("/")),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a view; members of the query without a value are left out.
 * @param {string} view
 * @param {string | number | bigint} [id]
 * @param {Record<string, unknown>} [query]
 */
export function address(view, id = "", query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value != null);
  const parameters = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  const end = given.length ? `?${parameters}` : "";
  return `#/${view}${id === "" ? "" : `/${encodeURIComponent(String(id))}`}${end}`;
}

/** A path with parameters, values in JSON but for texts; those without a value are left out.
 * @param {string} path
 * @param {Record<string, any>} parameters
 */
export function withParameters(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value != null);
  const texts = given.map(([name, value]) => [name, typeof value === "object" ? stringify(value) : String(value)]);
  return given.length ? `${path}?${new URLSearchParams(texts)}` : path;
}
