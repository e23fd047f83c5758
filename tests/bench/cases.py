"""Generated services: the n-th is the same in every run, from 1 on.

A customer has five services, one of them completed. One service in a hundred is large,
with 10 states, 20 tasks and extension values; the others have one state and two tasks.
Ids and members are those that the service itself would give and write.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

OF_CUSTOMER = 5
"""How many services a customer has; the fourth of them is completed."""

LARGE = 100
"""One service in so many is large."""

EXTENSIONS = ("clientinfo", "checklist")

_IDS = 20
"""How many ids of states, and of tasks, are set aside for each service."""

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

_CLIENTINFO = {
    "id": "services.clientinfo",
    "level": "services",
    "name": "clientinfo",
    "type": "single-valued",
    "attributes": [
        {"name": "name", "type": "string", "length": 64, "mandatory": True},
        {"name": "tier", "type": "integer", "default": 1},
        {"name": "since", "type": "date"},
    ],
    "unique": [],
}

_CHECKLIST = {
    "name": "checklist",
    "type": "multi-valued",
    "attributes": [
        {"name": "item", "type": "string", "length": 64},
        {"name": "done", "type": "boolean", "default": False},
    ],
    "unique": ["item"],
}


def customer(number: int) -> str:
    """Return the id of the customer of the service ``number``."""
    return f"customer-{(number - 1) // OF_CUSTOMER:06d}"


def schemas() -> list[dict[str, Any]]:
    """Return the extension schemas that the values fit."""
    levels = ("services", "tasks")
    checklists = [
        {"id": f"{level}.checklist", "level": level, **_CHECKLIST} for level in levels
    ]
    return [_CLIENTINFO, *checklists]


def service(number: int) -> dict[str, Any]:
    """Return the complete service ``number``."""
    is_large = number % LARGE == 0
    is_completed = number % OF_CUSTOMER == OF_CUSTOMER - 1
    states, tasks = (10, 20) if is_large else (1, 2)
    arrays = {
        "states": [_state(number, n, is_completed, states) for n in range(states)],
        "tasks": [_task(number, n, is_completed, tasks) for n in range(tasks)],
    }
    document = {
        "service_id": number,
        "service_type": 100 + number % 7,
        "customer_id": customer(number),
        **_life(number, 0, 3600 if is_completed else None),
    }
    for name, nested in arrays.items():
        document[f"active_{name}"] = [e for e in nested if "completed" not in e]
        document[f"completed_{name}"] = [e for e in nested if "completed" in e]
    if is_large:
        document["clientinfo"] = {
            "name": f"Client {number:06d}",
            "tier": number % 3,
            "since": "2019-08-26",
        }
        document["checklist"] = _checklist(5)
    return document


def _state(number: int, n: int, is_completed: bool, count: int) -> dict[str, Any]:
    is_last = n == count - 1
    id_ = number * _IDS + n
    previous = {"previous_state_id": id_ - 1} if n else {}
    return {
        "state_id": id_,
        "state_type": f"state{n}",
        "service_id": number,
        **previous,
        **_life(number, n * 60, 60 if is_completed or not is_last else None),
    }


def _task(number: int, n: int, is_completed: bool, count: int) -> dict[str, Any]:
    is_active = n % 2 == 1 and not is_completed
    more = {"checklist": _checklist(2)} if count > 2 else {}
    return {
        "task_id": number * _IDS + n,
        "task_type": f"task{n % 5}",
        "service_id": number,
        "state_id": number * _IDS + n // 2,
        **_life(number, n * 30, None if is_active else 45),
        **more,
    }


def _life(number: int, after: int, seconds: int | None) -> dict[str, Any]:
    """Return start and end: ``after`` the service began, and ``seconds`` later."""
    started = _BEGIN + timedelta(seconds=number * 10 + after)
    life: dict[str, Any] = {
        "started": {
            "timestamp": _moment(started),
            "interaction_id": f"{number:08x}",
            "media_type": 2,
        }
    }
    if seconds is not None:
        ended = started + timedelta(seconds=seconds)
        life["completed"] = {"timestamp": _moment(ended), "resource_id": "agent-7"}
    life["est_duration"] = 300
    if seconds is not None:
        life |= {"duration": seconds * 1000, "disposition": "done"}
    return life


def _checklist(count: int) -> list[dict[str, Any]]:
    return [{"item": f"item {n}", "done": n % 2 == 0} for n in range(count)]


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"
