"""Claims: what becomes of a clock now, and which run is started.

Pure: a store makes each decision within one atomic change of the clock, with the task as it
is at that moment, so that of several runners one gets a slot. Who keeps to the result needs
no lock and no leader. Runner contract, sections 2, 4 and 5.
"""

from dataclasses import replace
from typing import Any, NamedTuple

from app.datetimes import of_milliseconds
from app.hours import FIRST
from app.runner.clocks import (
    MAX_RETRY_DELAY,
    NO_SLOT,
    armed,
    consumed,
    given_up,
    is_busy,
    is_recent,
    run_id,
    spread,
    started,
    timing,
    wanted_missed,
    with_wanted,
    without_recorded,
)
from app.runner.passed_slots import Slots, parted, passed
from app.runner.situations import (
    DELETED,
    ON_TIME,
    WANTED_FOR,
    Situation,
    not_there,
    obstacle,
    single_start,
)
from app.schedules import HORIZON, Schedule
from app.storage import Document
from app.svcscripts import Script

LEAST_LATE = 1_000
"""The least that ``latesec`` means: no start comes at the very millisecond of its slot."""

MAX_AHEAD = 3_600_000
"""How far the last slot may be ahead of now; beyond that the time was wrong."""

MAX_CAUGHT_UP = 1_000
"""How many late slots are started of a script that makes up for all."""

NOT_LATEST = "only the latest of the late starts is made up for"
NOT_ALL = f"only the latest {MAX_CAUGHT_UP:,} late starts are made up for"
TOO_LATE = "the start would be later than latesec"
BUSY = "a run of the task was active (overlap is 0)"
FORMER = "it was due before the runners knew the task"
NOT_TAKEN_UP = "no runner took it up within 60 seconds"


class Claimant(NamedTuple):
    """Who claims, and when: milliseconds since 1970, the host and the runner, its id."""

    now: int
    node: str
    runner: str


class Decision(NamedTuple):
    """The clock after a decision, and the run to start, if there is one.

    ``failed`` is the run that a run of ``onfail`` follows. A clock that ``is_waiting`` has
    something to start as soon as there is room, or its active run has ended. Of the script
    of the run ``most`` runs may be active, if that is limited.
    """

    clock: Document
    run: Document | None = None
    failed: Document | None = None
    is_waiting: bool = False
    is_set_back: bool = False
    most: int | None = None


def decide(clock: Document, task: Document | None, at: Situation) -> Decision:
    """Return what becomes of a clock, one run at a time; the same clock if nothing does."""
    clock = without_recorded(clock, at.recorded)
    clock, is_set_back = _set_right(clock, at.now)
    if task is None:
        return Decision(_deserted(clock, at), is_set_back=is_set_back)
    if clock["timing"] != timing(task):
        clock = _armed_anew(clock, task, at)
    if not at.is_open:
        missed = _of_wanted(clock, task, replace(at, has_room=False))
        return missed._replace(is_waiting=True, is_set_back=is_set_back)
    decision = _decide(clock, task, at)
    policy = at.policy_of(decision.run["code"]) if decision.run else None
    most = policy.most if policy else None
    return decision._replace(is_set_back=is_set_back, most=most)


def by_hand(clock: Document, task: Document, id_: str, at: Claimant) -> Decision:
    """Return the claim of a run that somebody starts now; raises Conflict."""
    wanted = {"id": id_, "cause": "manual", "asked": at.now}
    with_wanted(clock, task, wanted)
    code = task["svcscriptcode"]
    run = _run(task, clock, code, "manual", at.now, 1, 1, at) | {"id": id_}
    return Decision(started(clock, run, stretch=clock["stretch"]), run)


def _set_right(clock: Document, now: int) -> tuple[Document, bool]:
    """Return the clock without moments of a time that was wrong, and if it had some."""
    limit = now + MAX_AHEAD
    late = {name: now for name in ("slot", "armed") if clock[name] > limit}
    changes: dict[str, Any] = dict(late)
    if "slot" in late:
        changes["behind"] = NO_SLOT
    retry = clock["retry"]
    if retry and retry["at"] > limit + MAX_RETRY_DELAY:
        changes["retry"] = {**retry, "at": now}
    if any(wanted["asked"] > limit for wanted in clock["wanted"]):
        changes["wanted"] = [
            {**wanted, "asked": min(wanted["asked"], now)} for wanted in clock["wanted"]
        ]
    return ({**clock, **changes}, True) if changes else (clock, False)


def first_armed(clock: Document, task: Document, at: Situation) -> Document:
    """Return a new clock, in which a slot is missed that was due before all looks."""
    schedule = at.schedule_of(task)
    slot = schedule.anchor
    if schedule.is_regular or not at.is_on(task, schedule):
        return clock
    if slot >= at.alive or is_recent(task, at.alive) or slot <= clock["slot"]:
        return clock
    if single_start(schedule) is None:
        return clock
    return consumed(task, clock, "missed", Slots(slot, slot, 1), FORMER)


def _armed_anew(clock: Document, task: Document, at: Situation) -> Document:
    """Return the clock of a task whose deciding fields have changed."""
    clock = given_up(clock, at.policy_of(task["svcscriptcode"]), at.now)
    clock = {
        **clock,
        "timing": timing(task),
        "armed": armed(task, at.alive, at.now),
        "behind": NO_SLOT,
        "stretch": None,
    }
    return first_armed(clock, task, at)


def _deserted(clock: Document, at: Situation) -> Document:
    """Return the clock of a task that was deleted: nothing is to come."""
    if not clock["wanted"] and clock["retry"] is None:
        return clock
    missed = [wanted_missed(None, clock, wanted, DELETED) for wanted in clock["wanted"]]
    unrecorded = [*clock["unrecorded"], *missed]
    return {**clock, "wanted": [], "retry": None, "unrecorded": unrecorded}


def _decide(clock: Document, task: Document, at: Situation) -> Decision:
    policy = at.policy_of(task["svcscriptcode"])
    schedule = at.schedule_of(task)
    if clock["wanted"]:
        decision = _of_wanted(clock, task, at)
        if decision.run:
            return decision
        clock = decision.clock
    if not at.is_on(task, schedule):
        clock = given_up(clock, policy, at.now)
        return Decision(clock, is_waiting=bool(clock["wanted"]))
    of_slots = _of_regular if schedule.is_regular else _of_single
    decision = of_slots(clock, task, schedule, policy, at)
    if decision.run is None and decision.clock["retry"]:
        decision = _of_retry(decision, task, schedule, policy, at)
    if decision.run is None and decision.clock["wanted"]:
        decision = decision._replace(is_waiting=True)
    return decision


def _of_wanted(clock: Document, task: Document, at: Situation) -> Decision:
    """Decide on the runs that somebody wants, and on those that follow a failure."""
    for wanted in clock["wanted"]:
        others = [each for each in clock["wanted"] if each is not wanted]
        is_manual = wanted["cause"] == "manual"
        code = wanted.get("code", task["svcscriptcode"])
        reason = ""
        if at.policy_of(code) is None:
            reason = not_there(code)
        elif is_manual and at.now - wanted["asked"] > WANTED_FOR:
            reason = NOT_TAKEN_UP
        if reason:
            missed = wanted_missed(task, clock, wanted, reason)
            unrecorded = [*clock["unrecorded"], missed]
            clock = {**clock, "wanted": others, "unrecorded": unrecorded}
            continue
        is_blocked = is_manual and not task["overlap"] and is_busy(clock)
        if at.has_room_for(code) and not is_blocked:
            run = _run(task, clock, code, wanted["cause"], wanted["asked"], 1, 1, at)
            run["id"] = wanted["id"]
            if "startparams" in wanted:
                run["startparams"] = wanted["startparams"]
            # The stretch of skipped slots goes on: no slot was started.
            stretch = clock["stretch"]
            clock = started(clock, run, wanted=others, stretch=stretch)
            return Decision(clock, run, wanted.get("failed"))
    return Decision(clock)


def _of_regular(
    clock: Document,
    task: Document,
    schedule: Schedule,
    policy: Script | None,
    at: Situation,
) -> Decision:
    begin = max(clock["slot"] + 1, clock["armed"])
    until = at.now - spread(task, policy)
    if passed(schedule, begin, until) is None:
        return Decision(clock)
    clock = given_up(clock, policy, at.now)
    oldest, reason = _oldest(task, schedule, policy, until)
    if (lost := passed(schedule, begin, oldest - 1)) is not None:
        clock = consumed(task, clock, "missed", lost, reason)
        begin = lost.last + 1
    is_all = policy is not None and policy.catchup == "all"
    keep = MAX_CAUGHT_UP if is_all else 1
    earlier, later = parted(schedule, begin, until, keep)
    if policy is None or later is None:
        return Decision(clock)
    if is_busy(clock):
        if is_all and clock["slot"] < clock["behind"]:
            return Decision(clock, is_waiting=True)
        if not task["overlap"]:
            open_slots = earlier.joined(later) if earlier else later
            return Decision(consumed(task, clock, "skipped", open_slots, BUSY))
    if not at.has_room_for(policy.code):
        return Decision(clock, is_waiting=True)
    if earlier is not None:
        reason = NOT_ALL if is_all else NOT_LATEST
        clock = consumed(task, clock, "missed", earlier, reason)
    slot = later.first
    cause = "late" if until - slot > ON_TIME else "schedule"
    run = _run(task, clock, policy.code, cause, slot, 1, policy.retries + 1, at)
    behind = later.last if later.total > 1 else clock["behind"]
    return Decision(started(clock, run, slot=slot, behind=behind), run)


def _oldest(
    task: Document, schedule: Schedule, policy: Script | None, until: int
) -> tuple[int, str]:
    """Return the oldest slot that may still be started, and why no older one."""
    if policy is None:
        return until + 1, not_there(task["svcscriptcode"])
    if reason := obstacle(schedule, until):
        return until - ON_TIME, reason
    if policy.latesec is not None:
        return until - max(int(policy.latesec * 1000), LEAST_LATE), TOO_LATE
    return FIRST, ""


def _of_single(
    clock: Document,
    task: Document,
    schedule: Schedule,
    policy: Script | None,
    at: Situation,
) -> Decision:
    slot = schedule.anchor
    start = single_start(schedule)
    until = at.now - spread(task, policy)
    if start is None or slot <= clock["slot"] or until < start:
        return Decision(clock)
    slots = Slots(slot, slot, 1)
    reason = ""
    if policy is None:
        reason = not_there(task["svcscriptcode"])
    elif until - start > ON_TIME and (found := obstacle(schedule, until)):
        hours = schedule.hours
        last = min(schedule.end, until + HORIZON)
        if hours and hours.permitted_from(until, last) is not None:
            return Decision(clock)
        reason = found
    if reason:
        return Decision(consumed(task, clock, "missed", slots, reason))
    assert policy is not None
    if not task["overlap"] and is_busy(clock):
        return Decision(consumed(task, clock, "skipped", slots, BUSY))
    if not at.has_room_for(policy.code):
        return Decision(clock, is_waiting=True)
    cause = "late" if until - start > ON_TIME else "schedule"
    clock = given_up(clock, policy, at.now)
    run = _run(task, clock, policy.code, cause, slot, 1, policy.retries + 1, at)
    return Decision(started(clock, run, slot=slot), run)


def _of_retry(
    decision: Decision,
    task: Document,
    schedule: Schedule,
    policy: Script | None,
    at: Situation,
) -> Decision:
    """Decide on a further attempt of the last slot, while no slot is open."""
    clock = decision.clock
    retry = clock["retry"]
    if at.now < retry["at"] or decision.is_waiting:
        return decision
    if policy is None or obstacle(schedule, at.now - spread(task, policy)):
        return decision._replace(clock=given_up(clock, policy, at.now))
    is_blocked = not task["overlap"] and is_busy(clock)
    if is_blocked or not at.has_room_for(policy.code):
        return decision._replace(is_waiting=True)
    attempt = retry["attempt"]
    attempts = max(attempt, policy.retries + 1)
    run = _run(task, clock, policy.code, "retry", retry["slot"], attempt, attempts, at)
    return Decision(started(clock, run, retry=None), run)


def _run(
    task: Document,
    clock: Document,
    code: str,
    cause: str,
    slot: int,
    attempt: int,
    attempts: int,
    at: Situation | Claimant,
) -> dict[str, Any]:
    site = clock["site"]
    return {
        "id": run_id(task["id"], site, slot, attempt),
        "svctask": task["id"],
        "name": task["name"],
        "code": code,
        "site": site,
        "node": at.node,
        "runner": at.runner,
        "cause": cause,
        "slot": of_milliseconds(slot),
        "started": of_milliseconds(at.now),
        "attempt": attempt,
        "attempts": attempts,
        "state": "running",
    }
