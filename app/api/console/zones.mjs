// The zone in which times are shown, and the times themselves.

import { ask, TASKS } from "./api.mjs";
import { html, useEffect, useState } from "./dom.mjs";
import { prefer, usePreference } from "./preferences.mjs";
import { onSession } from "./session.mjs";
import { clock, offsetName, relative, shown, zoneName } from "./time.mjs";

const BROWSER = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

let site = "";
const listeners = new Set();

/** Ask for the zone of the site, which each preview names. */
async function learnSite() {
  try {
    const { data } = await ask("QUERY", `${TASKS}/next?count=1`, { body: { name: "zone" } });
    new Intl.DateTimeFormat("en", { timeZone: data.zone });
    site = data.zone;
    for (const listener of listeners) listener();
  } catch {
    // Whoever may not ask sees UTC and the zone of the browser.
  }
}

learnSite();
onSession(learnSite);

/** The name of the zone that is chosen. */
export function useZone() {
  const chosen = usePreference("zone", "site");
  const [, redraw] = useState(0);
  useEffect(() => {
    const look = () => redraw((count) => count + 1);
    listeners.add(look);
    return () => listeners.delete(look);
  }, []);
  return { UTC: "UTC", browser: BROWSER, site: site || "UTC" }[chosen] ?? "UTC";
}

/** By seconds: the clock that all who look so often share. */
const clocks = new Map();

function clockOf(seconds) {
  if (!clocks.has(seconds)) clocks.set(seconds, { now: Date.now(), listeners: new Set(), timer: 0 });
  return clocks.get(seconds);
}

/** The moment it is, which changes every ``seconds``. */
export function useNow(seconds = 10) {
  const shared = clockOf(seconds);
  if (!shared.timer) shared.now = Date.now();
  const [now, set] = useState(shared.now);
  useEffect(() => {
    const tick = () => {
      shared.now = Date.now();
      for (const listener of shared.listeners) listener(shared.now);
    };
    shared.timer ||= setInterval(tick, seconds * 1000);
    shared.listeners.add(set);
    return () => {
      shared.listeners.delete(set);
      if (shared.listeners.size) return;
      clearInterval(shared.timer);
      shared.timer = 0;
    };
  }, [seconds]);
  return now;
}

/** The choice of the zone, and what time it is there. */
export function ZoneChoice() {
  const chosen = usePreference("zone", "site");
  const zone = useZone();
  const now = Math.floor(useNow(1) / 60000) * 60000;
  return html`<div class="zone">
    <label for="zone">Times in</label>
    <select id="zone" value=${chosen} onChange=${(event) => prefer("zone", event.target.value)}>
      <option value="site">zone of the site${site && `: ${site}`}</option>
      <option value="UTC">UTC</option>
      <option value="browser">zone of this browser: ${BROWSER}</option>
    </select>
    <span class="now">now ${clock(now, zone)} ${offsetName(now, zone)}</span>
  </div>`;
}

/** A moment, given as a date-time of the service, with how far away it is. */
export function Time({ at, away = true }) {
  const zone = useZone();
  useNow();
  const moment = Date.parse(at);
  if (Number.isNaN(moment)) return null;
  const title = `${shown(moment, zone)} ${zoneName(zone, moment)}; ${at}`;
  return html`<span class="time">
    <time datetime=${at} title=${title}>${shown(moment, zone)}</time>
    ${away && html`<span class="away">${relative(moment, Date.now())}</span>`}
  </span>`;
}
