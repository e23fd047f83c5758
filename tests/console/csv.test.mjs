import assert from "node:assert/strict";
import { test } from "node:test";
import { csv } from "../../app/api/console/csv.mjs";

test("a cell with a comma, a quote or a line break is quoted, and no text is a formula", () => {
  const rows = [{ a: 'x,"y"\nz', b: 1 }, { a: "=1+1", b: null }, { a: -1, b: [1] }];
  assert.equal(csv(["a", "b"], rows), 'a,b\r\n"x,""y""\nz",1\r\n\'=1+1,\r\n-1,[1]\r\n');
});
