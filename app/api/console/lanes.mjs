// @ts-check
// The life of a service as bars: one for the service, one for each state in the order of
// their starts, with those of the tasks beneath. Moments in milliseconds.

/** @typedef {{key: string, kind: "service" | "state" | "task", id: any, type: any, document: any,
 *   start: number, end: number | null, due: number | null, isOverdue: boolean}} Bar */

const AHEAD = 2;

/** @param {any} event */
const moment = (event) => (event ? Date.parse(event.timestamp) : NaN);

/** @param {"service" | "state" | "task"} kind
 * @param {any} document
 * @param {number} now
 * @returns {Bar}
 */
function bar(kind, document, now) {
  const id = document[`${kind}_id`];
  const start = moment(document.started);
  const completed = moment(document.completed);
  const end = Number.isNaN(completed) ? null : Math.max(completed, start);
  const due = document.est_duration === undefined ? null : start + Number(document.est_duration) * 1000;
  const isOverdue = due !== null && (end ?? now) > due;
  return { key: `${kind}-${id}`, kind, id, type: document[`${kind}_type`], document, start, end, due, isOverdue };
}

/** @param {Bar} one
 * @param {Bar} other
 */
const byStart = (one, other) => one.start - other.start || Number(one.id) - Number(other.id);

/** All bars from top to bottom. Tasks without a state are beneath the service.
 * @param {any} service
 * @param {number} now
 * @returns {Bar[]}
 */
export function barsOf(service, now) {
  const all = (/** @type {string} */ name) => [...(service[`active_${name}`] ?? []), ...(service[`completed_${name}`] ?? [])];
  const states = all("states").map((each) => bar("state", each, now)).sort(byStart);
  const tasks = all("tasks").map((each) => bar("task", each, now)).sort(byStart);
  const known = new Set(states.map((each) => String(each.id)));
  const beneath = (/** @type {string} */ id) => tasks.filter((task) => String(task.document.state_id) === id);
  const alone = tasks.filter((task) => !known.has(String(task.document.state_id)));
  return [bar("service", service, now), ...alone, ...states.flatMap((state) => [state, ...beneath(String(state.id))])];
}

/** From when to when a time line has to reach; an open end until now. What is expected far
 * ahead is left out: the bars that there are would be too small.
 * @param {Bar[]} bars
 * @param {number} now
 * @returns {[number, number]}
 */
export function reach(bars, now) {
  const starts = bars.map((each) => each.start);
  const ends = bars.map((each) => each.end ?? Math.max(now, each.start));
  const dues = bars.map((each) => each.due ?? each.start);
  const [first, last] = [Math.min(...starts), Math.max(...ends)];
  const ahead = Math.min(Math.max(...dues), first + AHEAD * (last - first));
  return [first, Math.max(last, ahead, first + 1000)];
}

/** All moments at which something happens, for the places between which gaps can be cut.
 * @param {Bar[]} bars
 * @param {number} now
 */
export function moments(bars, now) {
  return bars.flatMap((each) => [each.start, each.end ?? now, ...(each.due === null ? [] : [each.due])]);
}
