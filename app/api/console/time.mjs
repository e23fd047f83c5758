// @ts-check
// Moments in a zone, and how long things take. A moment is in milliseconds since 1970.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const UNITS = /** @type {[string, number][]} */ ([
  ["d", DAY],
  ["h", HOUR],
  ["min", MINUTE],
  ["s", SECOND],
]);

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {string} zone */
function formatOf(zone) {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      calendar: "gregory",
      hourCycle: "h23",
      weekday: "short",
      year: "numeric",
      month: "2-digit",
      day: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(zone, format);
  }
  return format;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The fields of the wall clock at a moment.
 * @param {number} moment
 * @param {string} zone
 */
export function wallClock(moment, zone) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const { type, value } of formatOf(zone).formatToParts(moment)) found[type] = value;
  return {
    weekday: found.weekday,
    year: Number(found.year),
    month: Number(found.month),
    day: Number(found.day),
    hour: Number(found.hour),
    minute: Number(found.minute),
    second: Number(found.second),
  };
}

/** Milliseconds by which the wall clock is ahead of UTC.
 * @param {number} moment
 * @param {string} zone
 */
export function offset(moment, zone) {
  const { year, month, day, hour, minute, second } = wallClock(moment, zone);
  const shown = new Date(0);
  shown.setUTCFullYear(year, month - 1, day);
  shown.setUTCHours(hour, minute, second);
  return shown.getTime() - Math.floor(moment / SECOND) * SECOND;
}

/** @param {number} number */
const two = (number) => String(number).padStart(2, "0");

/** "UTC", or "UTC+1" with the minutes where there are some.
 * @param {number} moment
 * @param {string} zone
 */
export function offsetName(moment, zone) {
  const minutes = Math.round(offset(moment, zone) / MINUTE);
  if (!minutes) return "UTC";
  const rest = Math.abs(minutes) % 60;
  const hours = Math.floor(Math.abs(minutes) / 60);
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${two(rest)}` : ""}`;
}

/** "Europe/Berlin (UTC+1)", and "UTC".
 * @param {string} zone
 * @param {number} moment
 */
export function zoneName(zone, moment) {
  const name = offsetName(moment, zone);
  return name === zone ? zone : `${zone} (${name})`;
}

/** "Sat 28 Nov 2026, 14:05", with seconds where there are some.
 * @param {number} moment
 * @param {string} zone
 */
export function shown(moment, zone) {
  if (!Number.isFinite(moment)) return "";
  const at = wallClock(moment, zone);
  const seconds = at.second ? `:${two(at.second)}` : "";
  const month = MONTHS[at.month - 1];
  return `${at.weekday} ${at.day} ${month} ${at.year}, ${two(at.hour)}:${two(at.minute)}${seconds}`;
}

/** "14:05", with seconds where there are some.
 * @param {number} moment
 * @param {string} zone
 */
export function clock(moment, zone) {
  const at = wallClock(moment, zone);
  return `${two(at.hour)}:${two(at.minute)}${at.second ? `:${two(at.second)}` : ""}`;
}

/** How long: "1 h 5 min", "350 ms".
 * @param {number} milliseconds
 */
export function lasting(milliseconds) {
  if (!milliseconds) return "0 s";
  if (milliseconds < SECOND) return `${Math.round(milliseconds)} ms`;
  let rest = Math.round(milliseconds / SECOND) * SECOND;
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });

/** "in 12 minutes", "3 hours ago".
 * @param {number} moment
 * @param {number} now
 */
export function relative(moment, now) {
  if (!Number.isFinite(moment)) return "";
  const away = moment - now;
  const size = Math.abs(away);
  if (size < MINUTE) return words.format(Math.round(away / SECOND), "second");
  if (size < HOUR) return words.format(Math.round(away / MINUTE), "minute");
  if (size < 2 * DAY) return words.format(Math.round(away / HOUR), "hour");
  if (size < 60 * DAY) return words.format(Math.round(away / DAY), "day");
  if (size < 730 * DAY) return words.format(Math.round(away / (30.44 * DAY)), "month");
  return words.format(Math.round(away / (365.25 * DAY)), "year");
}

/** What a field for date and time shows of a moment.
 * @param {string} text a date-time of the service, or ""
 * @param {string} zone
 */
export function toField(text, zone) {
  const moment = Date.parse(text);
  if (Number.isNaN(moment)) return "";
  const at = wallClock(moment, zone);
  const date = `${String(at.year).padStart(4, "0")}-${two(at.month)}-${two(at.day)}`;
  return `${date}T${two(at.hour)}:${two(at.minute)}:${two(at.second)}`;
}

/** The date-time, in UTC, of what a field shows; of a skipped hour, that after it.
 * @param {string} field
 * @param {string} zone
 */
export function ofField(field, zone) {
  const asUtc = Date.parse(`${field.length === 16 ? `${field}:00` : field}Z`);
  if (Number.isNaN(asUtc)) return "";
  let moment = asUtc - offset(asUtc, zone);
  moment = asUtc - offset(moment, zone);
  return new Date(moment).toISOString().replace(".000Z", "Z");
}

/** The moment at which the day of a moment begins in a zone.
 * @param {number} moment
 * @param {string} zone
 */
export function midnight(moment, zone) {
  return Date.parse(ofField(`${toField(new Date(moment).toISOString(), zone).slice(0, 10)}T00:00:00`, zone));
}
