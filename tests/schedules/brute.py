"""The oracle of slots: a slow, obvious reading of the rules, moment by moment.

It goes by aware date-times of the standard library, and shares nothing with ``app.hours``.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Asia/Kathmandu",  # 5:45
    "America/St_Johns",  # -3:30
    "Africa/Casablanca",  # back for the month of Ramadan
    "Pacific/Apia",  # no 30 December 2011
    "Antarctica/Troll",  # two hours of daylight saving
    "UTC",
]

YEARS = range(2010, 2020)
"""Ten years: Apia skips a day, Lord Howe, Casablanca and Troll change their rules."""

WEEK = [
    {"dow": dow, "timestart": start, "timestop": stop}
    for dow in range(1, 6)
    for start, stop in ((540, 720), (780, 1080))
]

DAYS = [
    {"date": "2000-12-25", "isannual": 1, "asdow": 0},
    {"date": "2000-02-29", "isannual": 1, "periods": [{"timestart": 0, "timestop": 5}]},
    {"date": "2011-12-25", "asdow": 3},
    {"date": "2012-10-27", "asdow": 1},
    {"date": "2014-10-26", "periods": [{"timestart": 90, "timestop": 150}]},
    {"date": "2016-12-24", "periods": []},
]

NIGHT = [
    {"dow": 7, "timestart": 60, "timestop": 240},
    {"dow": 7, "timestart": 120, "timestop": 121},
    {"dow": 6, "timestart": 1439, "timestop": 1440},
    {"dow": 1, "timestart": 0, "timestop": 1},
]
"""Around the hours at which most zones change their offset."""

WORKHOURS = {"name": "default", "week": WEEK, "days": DAYS}


def is_permitted(task, workhours, moment):
    """Whether the field ``schedule`` permits the aware ``moment``."""
    if task["schedule"] == "all":
        return True
    local = moment.astimezone(ZoneInfo(workhours["timezone"]))
    minute = local.hour * 60 + local.minute
    if task["schedule"] == "individual":
        return is_within(task["periods"], local.isoweekday(), minute)
    is_work = is_working_time(workhours, local, minute)
    return is_work if task["schedule"] == "work" else not is_work


def is_working_time(workhours, local, minute):
    for is_annual, shown in ((0, str(local.date())), (1, str(local.date())[5:])):
        for day in workhours["days"]:
            if day.get("isannual", 0) == is_annual and day["date"].endswith(shown):
                if "periods" in day:
                    return is_within(day["periods"], None, minute)
                return is_within(workhours["week"], day["asdow"], minute)
    return is_within(workhours["week"], local.isoweekday(), minute)


def is_within(periods, dow, minute):
    return any(
        period.get("dow") == dow and period["timestart"] <= minute < period["timestop"]
        for period in periods
    )


def starts(task, workhours, first, last):
    """Return the slots with their starts, of those with a start from first to last."""
    begin = datetime.fromisoformat(task["dtstart"]) if task["dtstart"] else None
    end = datetime.fromisoformat(task["dtstop"]) if task["dtstop"] else last
    if not task["isenabled"]:
        return []
    if not task["isregular"]:
        slot = begin or datetime.fromisoformat(task["ext"]["ct"])
        # Whether a minute is permitted, so are all its moments.
        start = slot
        while start <= min(end, last):
            if is_permitted(task, workhours, start):
                return [(slot, start)] if first <= start else []
            start = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return []
    interval = timedelta(seconds=task["intervalsec"])
    if not interval:
        return []
    anchor = begin or datetime(1970, 1, 1, tzinfo=UTC)
    slot = anchor + (first - anchor) // interval * interval
    found = []
    while slot <= min(end, last):
        is_open = begin is None or begin <= slot
        if first <= slot and is_open and is_permitted(task, workhours, slot):
            found.append((slot, slot))
        slot += interval
    return found


def offset_changes(zone, first, last):
    """Return the hours between ``first`` and ``last`` in which the offset changes."""
    moment, found = first, []
    while moment < last:
        after = moment + timedelta(hours=1)
        if moment.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            found.append(moment)
        moment = after
    return found
