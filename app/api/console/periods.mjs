// @ts-check
// The periods of a week: rows for people, half hours for the grid. Minutes since midnight.

/** @typedef {{dow: number, timestart: number, timestop: number, [name: string]: any}} Period */

export const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

export const STEP = 30;
export const CELLS = 1440 / STEP;

/** "09:00"; "24:00" is the end of the day.
 * @param {number} minutes
 */
export function written(minutes) {
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

/** The minutes of a time such as "9:00", "0900" or "24:00"; NaN if it is none.
 * @param {string} text
 */
export function minutesOf(text) {
  const found = /^\s*(\d{1,2})(?::?([0-5]\d))?\s*$/.exec(text);
  const minutes = found ? Number(found[1]) * 60 + Number(found[2] ?? 0) : NaN;
  return minutes <= 1440 ? minutes : NaN;
}

/** How much of each half hour of a day is covered: "all", "part" or "none".
 * @param {Period[]} periods
 * @param {number} dow
 */
export function cells(periods, dow) {
  const ofDay = periods.filter((each) => each.dow === dow);
  return Array.from({ length: CELLS }, (_, number) => {
    let covered = 0;
    for (let minute = number * STEP; minute < (number + 1) * STEP; minute += 1) {
      if (ofDay.some((each) => each.timestart <= minute && minute < each.timestop)) covered += 1;
    }
    return covered === STEP ? "all" : covered ? "part" : "none";
  });
}

/** The periods with a stretch of a day added; one that it touches, without keys of its own, grows.
 * @param {Period[]} periods
 * @param {number} dow
 * @param {number} start
 * @param {number} stop
 * @returns {Period[]}
 */
export function withStretch(periods, dow, start, stop) {
  const touches = (/** @type {Period} */ each) =>
    each.dow === dow && each.timestart <= stop && start <= each.timestop && Object.keys(each).length === 3;
  const grown = { dow, timestart: start, timestop: stop };
  for (const each of periods.filter(touches)) {
    grown.timestart = Math.min(grown.timestart, each.timestart);
    grown.timestop = Math.max(grown.timestop, each.timestop);
  }
  return sorted([...periods.filter((each) => !touches(each)), grown]);
}

/** The periods without a stretch of a day; the rest keeps its exact minutes and keys.
 * @param {Period[]} periods
 * @param {number} dow
 * @param {number} start
 * @param {number} stop
 * @returns {Period[]}
 */
export function withoutStretch(periods, dow, start, stop) {
  return periods.flatMap((each) => {
    if (each.dow !== dow || each.timestop <= start || stop <= each.timestart) return [each];
    const rest = [];
    if (each.timestart < start) rest.push({ ...each, timestop: start });
    if (stop < each.timestop) rest.push({ ...each, timestart: stop });
    return rest;
  });
}

/** The periods with those of one day on Monday to Friday.
 * @param {Period[]} periods
 * @param {number} dow
 * @returns {Period[]}
 */
export function onWeekdays(periods, dow) {
  const ofDay = periods.filter((each) => each.dow === dow);
  const others = periods.filter((each) => each.dow > 5 || each.dow === dow);
  const copies = [1, 2, 3, 4, 5].filter((day) => day !== dow).flatMap((day) => ofDay.map((each) => ({ ...each, dow: day })));
  return sorted([...others, ...copies]);
}

/** @param {Period[]} periods */
function sorted(periods) {
  return [...periods].sort((one, other) => one.dow - other.dow || one.timestart - other.timestart);
}
