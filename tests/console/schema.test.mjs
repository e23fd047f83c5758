import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsByField, fieldsOf } from "../../app/api/console/schema.mjs";

const nullable = (schema, more) => ({ anyOf: [schema, { type: "null" }], ...more });

const API = {
  components: {
    schemas: {
      Intbool: { anyOf: [{ enum: [0, 1] }, { type: "boolean" }] },
      Count: { anyOf: [{ type: "integer", minimum: 0 }, { type: "string" }] },
      New: {
        required: ["name"],
        properties: {
          name: { type: "string" },
          isenabled: nullable({ $ref: "#/components/schemas/Intbool" }, { description: "Whether." }),
          mode: nullable({ enum: ["a", "b"] }),
          seconds: nullable({ $ref: "#/components/schemas/Count" }),
          text: nullable({ type: "string", maxLength: 5 }),
          ext: nullable({ type: "object", properties: { ct: { readOnly: true }, t: { type: "string" } }, additionalProperties: {} }),
        },
      },
    },
  },
};

test("the fields are those of the description, with kind, limits and help", () => {
  const fields = Object.fromEntries(fieldsOf(API, "New").map((field) => [field.name, field]));
  assert.deepEqual(Object.keys(fields), ["name", "isenabled", "mode", "seconds", "text", "ext"]);
  assert.ok(fields.name.isRequired && !fields.mode.isRequired);
  assert.deepEqual([fields.isenabled.kind, fields.isenabled.description], ["switch", "Whether."]);
  assert.deepEqual([fields.mode.kind, fields.mode.options], ["choice", ["a", "b"]]);
  assert.deepEqual([fields.seconds.kind, fields.seconds.least], ["integer", 0]);
  assert.equal(fields.text.longest, 5);
  assert.deepEqual(fields.ext.fields.map((field) => field.name), ["t"]);
  assert.ok(fields.ext.isOpen);
});

test("faults are those of the field that they begin with", () => {
  const faults = faultsByField({ name: ["a", "b"], "periods.0.dow": ["c"], "opts.title": ["d"] });
  assert.deepEqual(faults, { name: ["a", "b"], periods: ["0.dow: c"], opts: ["title: d"] });
});
