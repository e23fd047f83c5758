// @ts-check
// The filter that a search stands for.

const FIELDS = [
  "id name isenabled svcscriptcode sitemode isregular overlap intervalsec dtstart dtstop",
  "schedule ext.lwt ext.ct svctask code site node cause state slot started ended duration",
  "attempt exitcode signal reason",
]
  .join(" ")
  .split(" ");

const OPERATORS = /** @type {Record<string, string>} */ ({
  ">=": "$gte",
  "<=": "$lte",
  ">": "$gt",
  "<": "$lt",
});

const WORDS = /** @type {Record<string, object>} */ ({
  "is:enabled": { isenabled: 1 },
  "is:disabled": { isenabled: 0 },
  "is:regular": { isregular: 1 },
  "is:single": { isregular: 0 },
});

const NUMBER = /^-?\d+$/;

/** The terms of a search: words, "texts with spaces", field:value, field>value.
 * @param {string} text
 * @returns {string[]}
 */
function terms(text) {
  return text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}

/** @param {string} text */
const bare = (text) => text.replaceAll('"', "");

/** @param {string} term */
function condition(term) {
  if (WORDS[term]) return WORDS[term];
  const found = /^([A-Za-z_][\w.]*)(>=|<=|>|<|:|=)(.*)$/.exec(term);
  const isKnown = found && (FIELDS.includes(found[1]) || /^(ext|opts)\./.test(found[1]));
  if (!found || !isKnown) return { name: { $contains: bare(term) } };
  const [, field, sign, rest] = found;
  const written = bare(rest);
  const value = NUMBER.test(written) && rest[0] !== '"' ? Number(written) : written;
  if (OPERATORS[sign]) return { [field]: { [OPERATORS[sign]]: value } };
  if (sign === ":" && typeof value === "string" && !/^(dt|ext\.(ct|lwt)|id$)/.test(field)) {
    return { [field]: { $contains: value } };
  }
  return { [field]: value };
}

/** The filter of a search, or null for none. A search that begins with a brace or a bracket
 * is the filter itself; raises SyntaxError if it is no JSON.
 * @param {string} text
 * @returns {any}
 */
export function filterOf(text) {
  const search = text.trim();
  if (!search) return null;
  if (/^[{[]/.test(search)) return JSON.parse(search);
  const conditions = terms(search).map(condition);
  return both(conditions);
}

/** All of the conditions in one; null if there is none.
 * @param {any[]} conditions
 * @returns {any}
 */
export function both(conditions) {
  const given = conditions.filter(Boolean);
  if (given.length < 2) return given[0] ?? null;
  const names = given.flatMap((each) => (Array.isArray(each) ? ["$"] : Object.keys(each)));
  const isPlain = new Set(names).size === names.length && !names.includes("$");
  return isPlain ? Object.assign({}, ...given) : { $and: given };
}

/** The command that asks for the same; quoted for a shell.
 * @param {string} url
 * @param {Record<string, string>} parameters
 */
export function asCurl(url, parameters) {
  const given = Object.entries(parameters).map(
    ([name, value]) => ` --data-urlencode '${`${name}=${value}`.replaceAll("'", "'\\''")}'`,
  );
  return `curl -G '${url}'${given.join("")}`;
}

const DAYS = [1, 2, 3, 4, 5, 6, 7];

/** Enabled tasks without a start after ``now``, as far as their own fields and the ``codes``
 * of the scripts say it.
 * @param {string} now
 * @param {string[] | null} codes
 */
export function neverStarts(now, codes) {
  /** @type {Record<string, any>[]} */
  const ways = [
    { dtstop: { $ne: "", $lt: now } },
    { isregular: 1, intervalsec: 0 },
    { isregular: 0, dtstart: { $lt: now } },
    { schedule: "individual", $nor: DAYS.map((dow) => ({ periods: [{ dow }] })) },
  ];
  if (codes) ways.push({ svcscriptcode: { $nin: codes } });
  return { isenabled: 1, $or: ways };
}
