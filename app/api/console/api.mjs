// Requests to the service. All addresses are relative to the page, as a proxy may have it.

import { parse, stringify } from "./exact.mjs";
import { refuse, token } from "./session.mjs";

export const TASKS = "rest/v1/service/svctasks";
export const RUNS = "rest/v1/service/svcruns";
export const SCRIPTS = "rest/v1/service/svcscripts";

const ROOT = new URL(".", document.baseURI);

/** The whole address of a path, for people to copy. */
export const whole = (path) => new URL(path, ROOT).href;

/** A request that was refused, or that nobody answered; then its status is 0. */
export class Problem extends Error {
  constructor(status, message, errors = {}) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

let ahead = null;

/** Ask for what a view will ask for first, before that is there. */
export function askAhead(path) {
  ahead = { path, reply: send("GET", path, {}) };
  ahead.reply.catch(() => {});
}

/**
 * Send a request. The reply has its status, headers, tag and, but for 304, its data.
 * Raises Problem. ``as`` is a token to send in place of that of the tab.
 */
export function ask(method, path, options = {}) {
  if (method !== "GET" || ahead?.path !== path) return send(method, path, options);
  const { reply } = ahead;
  ahead = null;
  return reply;
}

async function send(method, path, { body, match, tag, range, signal, as }) {
  const headers = { Accept: "application/json" };
  const sent = as ?? token();
  if (sent) headers.Authorization = `Bearer ${sent}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (match) headers["If-Match"] = match;
  if (tag) headers["If-None-Match"] = tag;
  if (range) headers.Range = range;
  const content = body === undefined ? undefined : stringify(body);
  let reply;
  let text;
  try {
    const options = { method, headers, body: content, signal, cache: "no-store" };
    reply = await fetch(new URL(path, ROOT), options);
    text = await reply.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer.");
  }
  if (!reply.ok && reply.status !== 304) throw problem(reply, text, as);
  const isJson = (reply.headers.get("Content-Type") ?? "").startsWith("application/json");
  return {
    status: reply.status,
    headers: reply.headers,
    tag: reply.headers.get("ETag"),
    data: text && isJson ? parse(text) : text,
  };
}

function problem(reply, text, as) {
  if (reply.status === 401 && as === undefined) refuse();
  try {
    const { error_message: message, description, errors } = parse(text);
    return new Problem(reply.status, message ?? description, errors);
  } catch {
    return new Problem(reply.status, `The server answered ${reply.status}.`);
  }
}

let description;

/** The description of the API, which is asked for once. */
export function openapi() {
  description ??= ask("GET", "openapi.json").then((reply) => reply.data);
  description.catch(() => (description = undefined));
  return description;
}
