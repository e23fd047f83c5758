// @ts-check
// The draft of a document: what changed since it was read, and what others changed meanwhile.

import { same } from "./exact.mjs";

/** @typedef {Record<string, any>} Document */

const MERGED = ["opts", "ext"];
const OWN = ["ct", "lwt"];

/** The body of a PATCH that makes ``draft`` of ``base``; the service merges opts and ext.
 * @param {Document} base
 * @param {Document} draft
 */
export function changes(base, draft) {
  /** @type {Document} */
  const body = {};
  for (const name of new Set([...Object.keys(base), ...Object.keys(draft)])) {
    if (same(base[name], draft[name])) continue;
    if (MERGED.includes(name) && isObject(base[name]) && isObject(draft[name])) {
      const inner = memberChanges(base[name], draft[name], name === "ext" ? OWN : []);
      if (Object.keys(inner).length) body[name] = inner;
    } else {
      body[name] = Object.hasOwn(draft, name) ? draft[name] : null;
    }
  }
  return body;
}

/** @param {Document} base
 * @param {Document} draft
 * @param {string[]} own
 */
function memberChanges(base, draft, own) {
  /** @type {Document} */
  const body = {};
  for (const name of new Set([...Object.keys(base), ...Object.keys(draft)])) {
    if (own.includes(name) || same(base[name], draft[name])) continue;
    body[name] = Object.hasOwn(draft, name) ? draft[name] : null;
  }
  return body;
}

/** @param {any} value */
function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** @typedef {{path: string[], was: any, theirs: any, yours: any, isBoth: boolean}} Difference */

/** What differs between three versions: one by field, in opts and ext one by key.
 * @param {Document} base
 * @param {Document} theirs
 * @param {Document} yours
 * @returns {Difference[]}
 */
export function differences(base, theirs, yours) {
  const found = [];
  for (const path of paths(base, theirs, yours)) {
    const [was, other, mine] = [base, theirs, yours].map((each) => at(each, path));
    if (same(other, mine) || (path[0] === "ext" && OWN.includes(path[1]))) continue;
    const isBoth = !same(was, other) && !same(was, mine);
    found.push({ path, was, theirs: other, yours: mine, isBoth });
  }
  return found;
}

/** @param {Document[]} versions
 * @returns {string[][]}
 */
function paths(...versions) {
  const names = new Set(versions.flatMap((each) => Object.keys(each)));
  return [...names].flatMap((name) => {
    if (!MERGED.includes(name) || !versions.every((each) => isObject(each[name]))) return [[name]];
    const inner = new Set(versions.flatMap((each) => Object.keys(each[name])));
    return [...inner].map((key) => [name, key]);
  });
}

/** What is at a path; undefined if nothing is.
 * @param {any} document
 * @param {string[]} path
 */
export function at(document, path) {
  return path.reduce((value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined), document);
}

/** A copy with another value at a path; undefined removes it.
 * @param {any} document
 * @param {string[]} path
 * @param {any} value
 * @returns {any}
 */
export function put(document, [name, ...rest], value) {
  const inner = rest.length ? put(document?.[name] ?? {}, rest, value) : value;
  const copy = { ...document };
  if (inner === undefined) delete copy[name];
  else copy[name] = inner;
  return copy;
}

/** The version in which each difference is theirs or yours.
 * @param {Document} theirs
 * @param {Difference[]} found
 * @param {boolean[]} areYours
 */
export function merged(theirs, found, areYours) {
  return found.reduce(
    (document, { path, yours }, number) => (areYours[number] ? put(document, path, yours) : document),
    theirs,
  );
}
