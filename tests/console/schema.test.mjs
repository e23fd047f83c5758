import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsAt, faultsByField, faultsOfExtension, fieldsOf, fieldsOfExtension } from "../../app/api/console/schema.mjs";

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

test("the fields of a record are those of the schema of its extension", () => {
  const attributes = [
    { name: "offer", type: "varchar", length: 20, mandatory: true },
    { name: "price", type: "currency", default: 1.5 },
    { name: "isBought", type: "boolean" },
    { name: "until", type: "datetime" },
    { name: "day", type: "date" },
    { name: "count", type: "long" },
  ];
  const fields = fieldsOfExtension({ attributes });
  assert.deepEqual(fields.map(({ name, kind }) => [name, kind]), [["offer", "text"], ["price", "text"], ["isBought", "flag"], ["until", "date"], ["day", "day"], ["count", "integer"]]);
  assert.ok(fields[0].isRequired && !fields[1].isRequired);
  assert.equal(fields[0].longest, 20);
  assert.equal(fields[1].description, "A number with four decimals at most, such as 19.99. Without one it is 1.5.");
});

test("a field has the faults of its place and of what is below it", () => {
  const faults = { "1.price": ["is no number"], "1.price.0": ["is odd"], "1.prices": ["is none of hers"] };
  assert.deepEqual(faultsAt(faults, "1.price"), ["is no number", "is odd"]);
  assert.equal(faultsAt(faults, "0.price"), undefined);
});

test("the faults of an extension are those at its name, by the place in its value", () => {
  const errors = { offers: ["is no list"], "offers.0.price": ["is no number"], offersOld: ["is unknown"] };
  assert.deepEqual(faultsOfExtension(errors, "offers"), { "": ["is no list"], "0.price": ["is no number"] });
});
