// @ts-check
// A page of a table, as the query of the address says it: what is looked for, in which order.

import { withParameters } from "./address.mjs";
import { stringify } from "./exact.mjs";
import { both, filterOf } from "./filter.mjs";

export const SIZES = [25, 50, 100, 500];

/** The ``page`` and its ``size``; the ``filter`` of the search and of ``further``, or the
 * ``fault`` of the search; the ``parameters`` of a request for all pages; and the path for
 * the page, which is empty where there is a fault.
 * @param {Record<string, string>} query
 * @param {any} [further]
 */
export function listingOf({ q = "", order = "", page: pageText, size: sizeText }, further = null) {
  const page = Math.max(1, Math.floor(Number(pageText)) || 1);
  const size = SIZES.includes(Number(sizeText)) ? Number(sizeText) : SIZES[0];
  const { filter, fault } = read(q, further);
  const parameters = { filter: filter && stringify(filter), order: order && stringify(sorted(order)) };
  const pathAt = (/** @type {string} */ path) =>
    fault ? "" : withParameters(path, { ...parameters, limit: size, offset: (page - 1) * size || "" });
  return { page, size, filter, fault, parameters, pathAt };
}

/** @param {string} search
 * @param {any} further
 */
function read(search, further) {
  try {
    return { filter: both([further, filterOf(search)]), fault: "" };
  } catch (error) {
    return { filter: null, fault: `This is no JSON: ${/** @type {Error} */ (error).message}` };
  }
}

/** @param {string} order the name of a column, with "-" before it to begin with the last */
const sorted = (order) => (order.startsWith("-") ? { [order.slice(1)]: "desc" } : order);
