"""Generated service tasks: the n-th is the same in every run."""

from typing import Any

SCHEDULES = ("all", "work", "non-work", "individual")


def task_id(number: int) -> str:
    """Return the id of the task ``number``."""
    return f"{number:08x}-019a-0000-0000-50e54938780c"


def task(number: int) -> dict[str, Any]:
    """Return the complete task ``number``."""
    moment = f"2026-01-{1 + number // 86400:02d}T{number // 3600 % 24:02d}"
    moment += f":{number // 60 % 60:02d}:{number % 60:02d}.00Z"
    return {
        "id": task_id(number),
        "name": f"Task {number * 7919 % 1_000_003:07d}",
        "isenabled": number % 2,
        "svcscriptcode": f"script{number % 50}",
        "sitemode": "all",
        "sites": "",
        "isregular": 1,
        "overlap": 1,
        "intervalsec": 60 * (number % 1440),
        "dtstart": "2026-01-01T08:00:00Z",
        "dtstop": "",
        "schedule": SCHEDULES[number % 4],
        "periods": [],
        "opts": {"title": "", "comment": ""},
        "ext": {"ct": moment, "lwt": moment},
    }
