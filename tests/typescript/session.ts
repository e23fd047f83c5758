// A session with a client whose types are generated from the OpenAPI document.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./api.d.ts";

const TASKS = "/rest/v1/service/svctasks";
const [, , baseUrl, token] = process.argv;
const headers = { Authorization: `Bearer ${token}` };
const client = createClient<paths>({ baseUrl, headers });

const { response } = await createClient<paths>({ baseUrl }).GET(TASKS);
assert.equal(response.status, 401);

const { data: task } = await client.POST(TASKS, {
  body: {
    name: "Nightly report",
    periods: [{ dow: 1, timestart: 0, timestop: 60 }],
    opts: { title: "Report" },
    ext: { owner: "ops", deep: { list: [1, "x", null] } },
  },
});
assert(task);
assert.equal(task.ext.owner, "ops");

const path = { id: task.id };
const change = { id: task.id, isenabled: true, intervalsec: 60.0 };
const { data: changed } = await client.PATCH(`${TASKS}/{id}`, { params: { path }, body: change });
assert.equal(changed?.isenabled, 1);

const query = { filter: JSON.stringify({ "ext.owner": "ops" }), mask: ["id" as const] };
const { data: found } = await client.GET(TASKS, { params: { query } });
assert.deepEqual(found, [{ id: task.id }]);

const { data: service } = await client.POST("/services/start", {
  body: { service_type: 100, contact_key: "555-0100" },
});
assert(service);

const of = { path: service };
const { data: state } = await client.POST("/services/{service_id}/states/start", {
  params: of,
  body: { state_type: 100 },
});
assert(state);
const { data: next } = await client.POST("/services/{service_id}/states/transition", {
  params: of,
  body: { from: state, to: { state_type: 200 } },
});
assert(next);
await client.POST("/services/{service_id}/end", { params: of, body: {} });
const { error } = await client.POST("/services/{service_id}/end", { params: of, body: {} });
assert.equal(error?.code, "BAD_REQUEST");
