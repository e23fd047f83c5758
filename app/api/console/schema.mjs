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
