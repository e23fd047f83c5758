// @ts-check
// JSON in which no integer loses a digit: those beyond 53 bits are read as BigInt.
// The service refuses texts with a NUL, so no text can be taken for a marked integer.

const LONG = /"(?:\\.|[^"\\])*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/** @param {string} text */
export function parse(text) {
  const value = JSON.parse(text);
  if (!/\d{16}/.test(text)) return value;
  const marked = text.replace(LONG, (part) =>
    part[0] === '"' || Number.isSafeInteger(Number(part)) ? part : `"\\u0000${part}"`,
  );
  return JSON.parse(marked, (_, each) =>
    typeof each === "string" && /^\0-?\d+$/.test(each) ? BigInt(each.slice(1)) : each,
  );
}

/**
 * @param {unknown} value
 * @param {number} [indent]
 */
export function stringify(value, indent) {
  const marked = JSON.stringify(
    value,
    (_, each) => (typeof each === "bigint" ? `\0${each}` : each),
    indent,
  );
  return marked.replace(/"\\u0000(-?\d+)"/g, "$1");
}

/** Whether two JSON values are the same; the order of members does not count.
 * @param {any} one
 * @param {any} other
 * @returns {boolean}
 */
export function same(one, other) {
  if (one === other) return true;
  if (!one || !other || typeof one !== "object" || typeof other !== "object") return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]))
  );
}

/** Where a text stops being JSON, for people; "" if it is JSON.
 * @param {string} text
 */
export function faultIn(text) {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    const message = String(/** @type {Error} */ (error).message);
    const found = /position (\d+)/.exec(message);
    const at = found ? Number(found[1]) : text.length;
    const before = text.slice(0, at).split("\n");
    const reason = message.replace(/ (in JSON )?at position.*$/, "").replace(/, "[^]*$/, "");
    return `line ${before.length}, column ${before[before.length - 1].length + 1}: ${reason}`;
  }
}
