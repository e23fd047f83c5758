import assert from "node:assert/strict";
import { test } from "node:test";
import { changes, differences, merged, put } from "../../app/api/console/draft.mjs";

const BASE = { name: "n", sites: "", opts: { title: "", k: [1] }, ext: { ct: "1", lwt: "1", owner: "ops" } };

test("a PATCH has what changed and no more", () => {
  assert.deepEqual(changes(BASE, BASE), {});
  assert.deepEqual(changes(BASE, { ...BASE, name: "m" }), { name: "m" });
  const { sites, ...without } = BASE;
  assert.deepEqual(changes(BASE, without), { sites: null });
});

test("of opts and ext a PATCH has single keys; what is the server's it leaves alone", () => {
  const ext = { ct: "2", team: { a: 1 } };
  assert.deepEqual(changes(BASE, { ...BASE, ext }), { ext: { owner: null, team: { a: 1 } } });
});

test("what is the same on both sides is no difference", () => {
  const theirs = { ...BASE, name: "x", ext: { ...BASE.ext, lwt: "2" } };
  assert.deepEqual(differences(BASE, theirs, { ...BASE, name: "x" }), []);
});

test("three versions differ field by field, and a choice makes one of them", () => {
  const theirs = { ...BASE, name: "theirs", ext: { ...BASE.ext, lwt: "2", owner: "they" } };
  const yours = { ...BASE, name: "yours", sites: "S1" };
  const found = differences(BASE, theirs, yours);
  assert.deepEqual(
    found.map(({ path, isBoth }) => [path.join("."), isBoth]),
    [["name", true], ["sites", false], ["ext.owner", false]],
  );
  const chosen = merged(theirs, found, [true, true, false]);
  assert.deepEqual(chosen, { ...BASE, name: "yours", sites: "S1", ext: { ct: "1", lwt: "2", owner: "they" } });
});

test("a value that is put somewhere leaves the rest as it is", () => {
  const changed = put(BASE, ["ext", "owner"], undefined);
  assert.deepEqual(changed.ext, { ct: "1", lwt: "1" });
  assert.equal(BASE.ext.owner, "ops");
});
