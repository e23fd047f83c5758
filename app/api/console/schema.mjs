// @ts-check
// The fields of a form, as the description of the API has them.

/** @typedef {Record<string, any>} Schema */
/** @typedef {{name: string, kind: string, isRequired: boolean, description: string,
 *   options: any[], least?: number, most?: number, longest?: number,
 *   fields: Field[], isOpen: boolean}} Field */

/** What a schema says when references and alternatives to null are followed.
 * @param {Schema} api
 * @param {Schema} schema
 * @returns {Schema}
 */
export function resolved(api, schema) {
  if (schema.$ref) {
    const { $ref, ...beside } = schema;
    const found = $ref.slice(2).split("/").reduce((/** @type {any} */ value, /** @type {string} */ name) => value[name], api);
    return { name: $ref.split("/").pop(), ...resolved(api, found), ...beside };
  }
  const others = schema.anyOf?.filter((/** @type {Schema} */ each) => each.type !== "null");
  if (others?.length === 1) {
    const { anyOf, ...beside } = schema;
    return { ...resolved(api, others[0]), ...beside };
  }
  return schema;
}

const KINDS = /** @type {Record<string, string>} */ ({
  Intbool: "switch",
  Boolean: "switch",
  Date: "date",
  Moment: "date",
  Count: "integer",
  Integer: "integer",
  ResourceId: "integer",
  Names: "names",
  Type: "type",
});

/** @param {Schema} schema */
function kindOf(schema) {
  if (schema.name && KINDS[schema.name]) return KINDS[schema.name];
  if (schema.enum) return "choice";
  if (schema.type === "array") return "periods";
  if (schema.type === "object") return "object";
  if (schema.type === "integer") return "integer";
  return "text";
}

/** The fields of the schema with a name, those that may be written, in its order.
 * @param {Schema} api
 * @param {string} name
 * @returns {Field[]}
 */
export function fieldsOf(api, name) {
  return fields(api, api.components.schemas[name]);
}

/** @param {Schema} api
 * @param {Schema} schema
 * @returns {Field[]}
 */
function fields(api, schema) {
  return Object.entries(schema.properties ?? {}).flatMap(([name, given]) => {
    const found = resolved(api, /** @type {Schema} */ (given));
    if (found.readOnly) return [];
    const number = found.type === "integer" ? found : (found.anyOf ?? []).find((/** @type {Schema} */ each) => each.type === "integer");
    return [
      {
        name,
        kind: kindOf(found),
        isRequired: (schema.required ?? []).includes(name),
        description: found.description ?? "",
        options: found.enum ?? [],
        least: number?.minimum,
        most: number?.maximum,
        longest: found.maxLength,
        fields: found.properties ? fields(api, found) : [],
        isOpen: Boolean(found.additionalProperties),
      },
    ];
  });
}

export const MULTI = "multi-valued";

const OF_ATTRIBUTES = /** @type {Record<string, string>} */ ({
  integer: "integer",
  long: "integer",
  boolean: "flag",
  date: "day",
  datetime: "date",
});

const RANGES = /** @type {Record<string, string>} */ ({
  integer: "A whole number of 32 bits.",
  long: "A whole number of 64 bits.",
  double: "A number such as 4.5.",
  currency: "A number with four decimals at most, such as 19.99.",
});

/** The fields of a record, as the schema of an extension has them.
 * @param {Schema} extension
 * @returns {Field[]}
 */
export function fieldsOfExtension(extension) {
  return extension.attributes.map((/** @type {Schema} */ { name, type, length, mandatory, default: given }) => ({
    name,
    kind: OF_ATTRIBUTES[type] ?? "text",
    isRequired: Boolean(mandatory),
    description: [RANGES[type], given !== undefined && `Without one it is ${JSON.stringify(given)}.`].filter(Boolean).join(" "),
    options: [],
    longest: length,
    fields: [],
    isOpen: false,
  }));
}

/** Those of some faults, by place, that are at a place or below it; null if there are none.
 * @param {Record<string, string[]>} faults
 * @param {string} place
 */
export function faultsAt(faults, place) {
  const found = Object.entries(faults).filter(([each]) => each === place || each.startsWith(`${place}.`));
  return found.length ? found.flatMap(([, messages]) => messages) : undefined;
}

/** The faults of one extension by the place in its value, from those of a body that has it by
 * its name, or from those of a body that is its value.
 * @param {Record<string, string[]>} errors
 * @param {string} name
 */
export function faultsOfExtension(errors, name) {
  const inside = Object.entries(errors).filter(([place]) => place === name || place.startsWith(`${name}.`));
  return Object.fromEntries(inside.map(([place, messages]) => [place.slice(name.length + 1), messages]));
}

/** The faults that a refusal names, by the field of the form that each belongs to.
 * @param {Record<string, string[]>} errors
 * @returns {Record<string, string[]>}
 */
export function faultsByField(errors) {
  /** @type {Record<string, string[]>} */
  const found = {};
  for (const [place, messages] of Object.entries(errors)) {
    const [, name, rest] = /** @type {RegExpExecArray} */ (/^([^.]*)\.?([^]*)$/.exec(place));
    found[name] ??= [];
    for (const message of messages) found[name].push(rest ? `${rest}: ${message}` : message);
  }
  return found;
}
