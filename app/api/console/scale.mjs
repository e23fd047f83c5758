// @ts-check
// Where on a time line a moment is. Stretches of more than a day in which nothing happens can
// be cut to a twentieth of the rest.

import { DAY, midnight, offset } from "./time.mjs";

const MINUTE = 60000;
const MARGIN = 8;
const ROOM = 80;
const STEPS = [1, 5, 10, 30].map((count) => count * 1000).concat(
  [1, 5, 10, 30, 60, 180, 360, 720].map((count) => count * MINUTE),
  [1, 2, 7, 14, 30, 91, 365, 3650].map((count) => count * DAY),
);

/**
 * @param {[number, number]} reach first and last moment
 * @param {number} width
 * @param {number[]} busy moments at which something happens
 * @param {boolean} areGapsCut
 */
export function scaleOf([first, last], width, busy, areGapsCut) {
  const inside = busy.filter((moment) => first < moment && moment < last);
  const points = [first, ...inside.sort((one, other) => one - other), last];
  const stretches = points.slice(1).map((end, number) => ({ start: points[number], end, size: end - points[number], isCut: false }));
  const isGap = (/** @type {{size: number}} */ each) => areGapsCut && each.size > DAY;
  const rest = stretches.filter((each) => !isGap(each)).reduce((sum, each) => sum + each.size, 0);
  for (const each of stretches.filter(isGap)) Object.assign(each, { isCut: true, size: rest / 20 || 1 });
  const whole = stretches.reduce((sum, each) => sum + each.size, 0) || 1;

  /** @param {number} moment */
  function x(moment) {
    let before = 0;
    for (const { start, end, size } of stretches) {
      if (moment <= end) return MARGIN + ((before + (Math.max(0, moment - start) / (end - start || 1)) * size) / whole) * (width - 2 * MARGIN);
      before += size;
    }
    return width - MARGIN;
  }

  const cuts = stretches.filter((each) => each.isCut);
  /** @type {[number, number][]} */
  const parts = [];
  for (const { start, end, isCut } of stretches) {
    const former = parts[parts.length - 1];
    if (isCut) continue;
    if (former && former[1] === start) former[1] = end;
    else parts.push([start, end]);
  }
  return { x, cuts, parts };
}

/** The moments that are named across a time line, each with the place and the step: in each
 * part between cuts its begin and whole steps, as far as there is room.
 * @param {{x: (moment: number) => number, parts: [number, number][]}} scale
 * @param {string} zone
 */
export function marksOf(scale, zone) {
  const found = [];
  let room = -Infinity;
  for (const [number, part] of scale.parts.entries()) {
    const next = scale.parts[number + 1];
    const most = (next ? scale.x(next[0]) : scale.x(Infinity) + ROOM / 2) - ROOM;
    const size = scale.x(part[1]) - scale.x(part[0]);
    const { step, moments } = ticks(part, size, zone);
    for (const mark of [{ moment: part[0], step: 0 }, ...moments.map((moment) => ({ moment, step }))]) {
      const x = scale.x(mark.moment);
      if (x < room || (x > most && mark.step)) continue;
      found.push({ ...mark, x });
      room = x + (mark.step ? ROOM : 1.75 * ROOM);
    }
  }
  return found;
}

/** Whole steps of the zone's wall clock.
 * @param {[number, number]} reach
 * @param {number} width
 * @param {string} zone
 */
export function ticks([first, last], width, zone) {
  const most = Math.max(2, Math.floor(width / (1.4 * ROOM)));
  const step = STEPS.find((each) => (last - first) / each <= most) ?? STEPS[STEPS.length - 1];
  const found = [];
  if (step < DAY) {
    const ahead = offset(first, zone);
    for (let moment = Math.ceil((first + ahead) / step) * step - ahead; moment <= last; moment += step) found.push(moment);
  } else {
    // Noon is in the same day whatever summer time does.
    for (let noon = midnight(first, zone) + DAY / 2; noon - DAY / 2 <= last; noon += step) {
      const moment = midnight(noon, zone);
      if (moment >= first && moment <= last) found.push(moment);
    }
  }
  return { step, moments: found };
}
