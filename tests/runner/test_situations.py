"""How far a runner looks ahead for one task: others wait meanwhile."""

from world import START, Script, task

from app.hours import DAY
from app.runner import clocks, situations
from app.runner.claims import decide
from app.runner.situations import MOST_TRIED, Situation
from app.schedules import HORIZON, Schedule

NOW = START


class NoHours:
    """Hours of the past only, which note how far they are searched."""

    is_empty = False

    def __init__(self):
        self.searched = []

    def permitted_from(self, moment, last):
        self.searched.append(last - moment)
        return None


class OtherHours:
    """Hours that permit the next moment of each, and never that one."""

    is_empty = False

    def __init__(self):
        self.asked = 0

    def permitted_from(self, moment, last):
        self.asked += 1
        return moment + DAY


def situation(hours):
    return Situation(
        now=NOW,
        alive=NOW,
        node="h/r",
        runner="r",
        schedule_of=lambda document: Schedule.of(document, lambda *_: hours),
        policy_of=lambda code: Script(code),
        is_ours=lambda document: True,
    )


def test_a_single_task_that_is_never_permitted_is_searched_for_five_years_only():
    single = task(1, NOW, isregular=0, schedule="work")
    clock = clocks.new(single, "", NOW, NOW)
    hours = NoHours()
    at = situation(hours)

    again = situations.due(decide(clock, single, at).clock, single, at)

    assert again is not None and again > NOW + HORIZON - DAY
    assert max(hours.searched) <= HORIZON


def test_a_single_task_without_any_hours_is_not_searched_at_all():
    single = task(1, NOW, isregular=0, schedule="individual", periods=[])
    clock = clocks.new(single, "", NOW, NOW)
    hours = NoHours()
    hours.is_empty = True

    assert situations.due(clock, single, situation(hours)) > NOW
    assert hours.searched == []


def test_a_task_is_decided_on_again_when_no_slot_was_found_in_a_few_tries():
    regular = task(1, NOW, schedule="work")
    clock = clocks.new(regular, "", NOW, NOW)
    hours = OtherHours()

    again = situations.due(clock, regular, situation(hours))

    assert hours.asked == MOST_TRIED
    assert NOW < again < NOW + (MOST_TRIED + 1) * DAY
