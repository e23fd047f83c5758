"""Clocks: what the runners keep of one task, and the changes of that document.

Pure. A clock has the moment ``armed`` and the last ``slot`` that was consumed, in
milliseconds since 1970; the runs that are ``active``; those ``wanted``, which are started
when there is room; the ``retry`` that is to come; the ``stretch`` of missed or skipped
slots that goes on; and the records that are ``unrecorded``: what is in the history may be
taken away here, never the other way round. A change that changes nothing returns the very
document. Runner contract, sections 4, 5 and 8.
"""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any

import orjson

from app.datetimes import milliseconds_of, of_milliseconds
from app.errors import Conflict
from app.hours import FIRST
from app.runner.passed_slots import Slots
from app.schemas import svcrun, svctask
from app.storage import Document
from app.svcscripts import Script

DECIDING = (
    "isenabled",
    "isregular",
    "intervalsec",
    "dtstart",
    "dtstop",
    "schedule",
    "periods",
    "svcscriptcode",
    "sitemode",
    "sites",
)
"""The fields of a task that arm its clock anew when they change."""

NO_SLOT = FIRST - 1
"""The slot of a clock that has consumed none."""

MAX_RETRY_DELAY = 3_600_000

SETTLING = 5_000
"""How many milliseconds after its ``ext.lwt`` a task may come to be seen."""

MOST_WANTED = 20
"""How many runs of a task may be wanted at a time."""

WITHDRAWN = "it was stopped by request before a runner took it up"

OF_CLOCKS = ("runner", "stop", "startparams")
"""The members of an active run that are not those of its record."""

FAILURES = ("failed", "timedout", "lost")


def run_id(task: str, site: str, slot: int, what: int | str) -> str:
    """Return the id of a run; ``what`` is its attempt, or why there was none."""
    digest = blake2b(f"{task}\n{site}\n{slot}\n{what}".encode(), digest_size=16)
    text = digest.hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def clock_id(task: Document, site: str) -> str:
    """Return the key of the clock of a task: one for each site, or one for all."""
    is_of_site = site and task["sitemode"] in ("all", "sites")
    return f"{task['id']}@{site}" if is_of_site else task["id"]


def timing(task: Document) -> str:
    """Return a digest of the fields that decide when a task starts, and what."""
    values = orjson.dumps([task[name] for name in DECIDING])
    return blake2b(values, digest_size=8).hexdigest()


def spread(task: Document, policy: Script | None) -> int:
    """Return how many milliseconds the starts of a task are later than its slots."""
    if policy is None or not policy.spreadsec:
        return 0
    digest = blake2b(task["id"].encode(), digest_size=8).digest()
    return int.from_bytes(digest) % (int(policy.spreadsec * 1000) + 1)


def new(task: Document, site: str, alive: int, now: int) -> dict[str, Any]:
    """Return the clock of a task that a runner sees for the first time."""
    id_ = clock_id(task, site)
    return {
        "id": id_,
        "svctask": task["id"],
        "site": site if id_ != task["id"] else "",
        "timing": timing(task),
        "armed": armed(task, alive, now),
        "slot": NO_SLOT,
        "behind": NO_SLOT,
        "isbusy": 0,
        "active": [],
        "wanted": [],
        "retry": None,
        "stretch": None,
        "unrecorded": [],
    }


def of_script(code: str, name: str, site: str, now: int) -> dict[str, Any]:
    """Return the clock of a script that is started without a task that is stored.

    It has a task of its own, which starts at no slot: the same one for each code.
    """
    id_ = run_id("", "", 0, f"script {code}")
    body = {"id": id_, "name": name.strip() or f"script {code}", "svcscriptcode": code}
    task = svctask.new(body, str, of_milliseconds(now))
    return {**new(task, site, now, now), "task": task}


def is_recent(task: Document, alive: int) -> bool:
    """Return whether a task was written since the last look, as far as one can know."""
    return milliseconds_of(task["ext"]["lwt"]) >= alive - SETTLING


def armed(task: Document, alive: int, now: int) -> int:
    """Return the moment from which slots count that a runner sees now.

    ``alive`` is the moment up to which runners had looked at the tasks before. A task that
    was written in the future, by a clock that was wrong, counts from now on.
    """
    if is_recent(task, alive):
        return min(milliseconds_of(task["ext"]["lwt"]), now)
    return alive


def is_busy(clock: Document) -> bool:
    """Return whether a run of the task is active; one of ``onfail`` is not its own."""
    return any(run["cause"] != "onfail" for run in clock["active"])


def marked(clock: Document) -> Document:
    """Return the clock whose member ``isbusy`` is right."""
    isbusy = svcrun.isbusy(clock)
    return clock if clock["isbusy"] == isbusy else {**clock, "isbusy": isbusy}


def without_recorded(clock: Document, recorded: Collection[Document]) -> Document:
    """Return the clock without the records that are in the history."""
    kept = [record for record in clock["unrecorded"] if record not in recorded]
    if len(kept) == len(clock["unrecorded"]):
        return clock
    return {**clock, "unrecorded": kept}


def unstarted(
    task: Document | None, clock: Document, state: str, slots: Slots, reason: str
) -> dict[str, Any]:
    """Return the record of slots that were ``missed`` or ``skipped``."""
    site, first = clock["site"], of_milliseconds(slots.first)
    return {
        "id": run_id(clock["svctask"], site, slots.first, state),
        "svctask": clock["svctask"],
        "name": task["name"] if task else "",
        "code": task["svcscriptcode"] if task else "",
        "site": site,
        "cause": "schedule",
        "slot": first,
        "state": state,
        "count": slots.total,
        "until": of_milliseconds(slots.last),
        "reason": reason,
    }


def consumed(
    task: Document, clock: Document, state: str, slots: Slots, reason: str
) -> Document:
    """Return the clock after slots that were ``missed`` or ``skipped``.

    They extend the record before them if it says the same.
    """
    stretch = clock["stretch"]
    unrecorded = clock["unrecorded"]
    if stretch and (stretch["state"], stretch["reason"]) == (state, reason):
        count = stretch["count"] + slots.total
        record = {**stretch, "count": count, "until": of_milliseconds(slots.last)}
        unrecorded = [each for each in unrecorded if each["id"] != record["id"]]
    else:
        record = unstarted(task, clock, state, slots, reason)
    return {
        **clock,
        "slot": slots.last,
        "stretch": record,
        "unrecorded": [*unrecorded, record],
    }


def started(clock: Document, run: Document, **changes: Any) -> Document:
    """Return the clock with one more active run."""
    return {**clock, "active": [*clock["active"], run], "stretch": None, **changes}


def ended_record(run: Document, end: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of an active run that has ended."""
    kept = {name: run[name] for name in run if name not in OF_CLOCKS}
    return {**kept, **end}


def shown_wanted(
    clock: Document, task: Document | None, run: Document
) -> dict[str, Any]:
    """Return what is known of a run that is wanted, as people see it."""
    return {
        "id": run["id"],
        "svctask": clock["svctask"],
        "name": task["name"] if task else "",
        "code": run.get("code") or (task["svcscriptcode"] if task else ""),
        "site": clock["site"],
        "cause": run["cause"],
        "slot": of_milliseconds(run["asked"]),
        "state": svcrun.WANTED,
    }


def with_wanted(clock: Document, task: Document, wanted: Document) -> Document:
    """Return the clock with a run that somebody wants; raises Conflict."""
    if not task["overlap"] and is_busy(clock):
        raise Conflict("a run of the task is active, and overlap is 0")
    manual = [run for run in clock["wanted"] if run["cause"] == "manual"]
    if not task["overlap"] and manual:
        raise Conflict("a run of the task is wanted, and overlap is 0")
    if len(manual) >= MOST_WANTED:
        raise Conflict(
            f"{MOST_WANTED} runs of the task are wanted, and none of them has been "
            "started yet"
        )
    return {**clock, "wanted": [*clock["wanted"], wanted]}


def wanted_missed(
    task: Document | None, clock: Document, run: Document, reason: str
) -> dict[str, Any]:
    """Return the record of a run that was wanted, and is not started."""
    asked = Slots(run["asked"], run["asked"], 1)
    missed = unstarted(task, clock, "missed", asked, reason)
    return {**missed, "id": run["id"], "cause": run["cause"]}


def with_stop(clock: Document, task: Document | None, id_: str) -> Document:
    """Return the clock in which a run is to be stopped, or is not wanted any more."""
    active = [
        {**run, "stop": 1} if run["id"] == id_ else run for run in clock["active"]
    ]
    others = [run for run in clock["wanted"] if run["id"] != id_]
    if len(others) == len(clock["wanted"]):
        return clock if active == clock["active"] else {**clock, "active": active}
    [run] = [run for run in clock["wanted"] if run["id"] == id_]
    record = wanted_missed(task, clock, run, WITHDRAWN)
    return {**clock, "wanted": others, "unrecorded": [*clock["unrecorded"], record]}


def without_run(clock: Document, id_: str) -> Document:
    """Return the clock without an active run; the same clock if it has it not."""
    active = [run for run in clock["active"] if run["id"] != id_]
    if len(active) == len(clock["active"]):
        return clock
    return {**clock, "active": active}


def freed(
    clock: Document,
    record: Document,
    policy: Script | None,
    now: int,
    is_made_up_for: bool = False,
    retry_after: int | None = 0,
) -> Document:
    """Return the clock after the record of an active run is in the history.

    ``is_made_up_for`` is true of a run that its runner took down with it. A further
    attempt comes not before ``retry_after`` milliseconds; None: it makes no sense.
    """
    rest = without_run(clock, record["id"])
    if rest is clock:
        return clock
    clock = rest
    if policy is None or record["cause"] in ("manual", "onfail"):
        return clock
    state = record["state"]
    again = None
    if state == "lost" or is_made_up_for:
        if policy.idempotent:
            again = 0
    elif (
        state in ("failed", "timedout")
        and record["attempt"] <= policy.retries
        and retry_after is not None
    ):
        again = max(_delay(record, policy), retry_after)
    slot = milliseconds_of(record["slot"])
    if again is not None and slot == clock["slot"]:
        retry = {
            "slot": slot,
            "attempt": record["attempt"] + 1,
            "at": now + again,
            "failed": record,
        }
        return {**clock, "retry": retry}
    if state in FAILURES:
        return with_onfail(clock, record, policy, now)
    return clock


def given_up(clock: Document, policy: Script | None, now: int) -> Document:
    """Return the clock without a retry; what follows a failure follows now."""
    retry = clock["retry"]
    if retry is None:
        return clock
    clock = {**clock, "retry": None}
    if policy is None or retry["failed"]["state"] not in FAILURES:
        return clock
    return with_onfail(clock, retry["failed"], policy, now)


def with_onfail(
    clock: Document, failed: Document, policy: Script, now: int
) -> Document:
    """Return the clock that wants the script that follows a failure."""
    if not policy.onfail:
        return clock
    slot = milliseconds_of(failed["slot"])
    wanted = {
        "id": run_id(clock["svctask"], clock["site"], slot, f"onfail {failed['id']}"),
        "cause": "onfail",
        "code": policy.onfail,
        "asked": now,
        "failed": failed,
    }
    return {**clock, "wanted": [*clock["wanted"], wanted]}


def _delay(record: Document, policy: Script) -> int:
    """Return how long a further attempt waits: each twice as long, give or take 20 %."""
    doublings = min(record["attempt"] - 1, 20)
    delay: int = min(int(policy.retrysec * 1000) << doublings, MAX_RETRY_DELAY)
    part = int(record["id"][:8], 16) % 401 - 200
    return delay + delay * part // 1000
