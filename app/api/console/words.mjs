// @ts-check
// What fields and values are called for people.

export const LABELS = /** @type {Record<string, string>} */ ({
  id: "Id",
  name: "Name",
  isenabled: "Enabled",
  svcscriptcode: "Script",
  sitemode: "Which sites start it",
  sites: "Sites",
  isregular: "Regular",
  overlap: "May overlap",
  intervalsec: "Interval",
  dtstart: "Start",
  dtstop: "Stop",
  schedule: "Schedule",
  periods: "Periods",
  opts: "Title and comment",
  title: "Title",
  comment: "Comment",
  ext: "Data of your own",
  service_type: "Type of the service",
  state_type: "Type of the state",
  task_type: "Type of the task",
  customer_id: "Customer",
  contact_key: "Contact key",
  est_duration: "Expected duration",
  disposition: "Disposition",
  disposition_desc: "Disposition in words",
  state_id: "State",
  timestamp: "When",
  to: "The next state",
  from: "The state that is completed",
});

export const WORDS = /** @type {Record<string, string>} */ ({
  "sitemode.all": "on every site",
  "sitemode.any": "on any one site",
  "sitemode.sites": "on each site below",
  "sitemode.anyofsites": "on one of the sites below",
  "sitemode.firstsite": "on the first site",
  "schedule.all": "at any time",
  "schedule.work": "in working hours",
  "schedule.non-work": "outside working hours",
  "schedule.individual": "as the periods below say",
});

/** "1 task", "3 tasks".
 * @param {number} count
 * @param {string} noun
 */
export function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
