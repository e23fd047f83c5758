"""The parts of the service that are measured: their data, and what is asked of them.

A request is Lua for wrk, which varies it, and one sample, whose reply tells how many bytes
the bare app is to answer with. Reads come first: what writes leave to be folded would slow
them down.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import cases
import tasks

T = "/rest/v1/service/svctasks"

JSON_HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Request:
    """A kind of request; ``address`` is what the bare app answers at."""

    name: str
    method: str
    address: str
    script: str
    sample: Callable[[int], tuple[str, Any]]
    """Returns path and body of one such request, given how much data there is."""


@dataclass(frozen=True)
class Part:
    """An API and its data; ``sizes`` are how much it is measured with by default."""

    name: str
    sizes: str
    systems: tuple[str, ...]
    tables: Callable[[int], dict[str, Iterator[dict[str, Any]]]]
    """Returns the documents of each table."""
    definitions: str
    """Lua that the scripts of the part share."""
    requests: tuple[Request, ...]


LIST = f"{T}?" + urlencode(
    {"filter": '{"schedule": "work"}', "order": "name", "limit": "20"}
)

TASK = {name: tasks.task(1)[name] for name in ("name", "schedule")}

TASKS = Part(
    name="tasks",
    sizes="1000,10000,100000",
    systems=("svctasks", "sqlite3", "tinydb"),
    tables=lambda size: {"svctasks": map(tasks.task, range(size))},
    definitions=f"""
        T = {json.dumps(T)}
        LIST = {json.dumps(LIST)}
        BODY = {json.dumps(json.dumps(TASK))}
        function id(n)
            return string.format("%08x-019a-0000-0000-50e54938780c", n)
        end
    """,
    requests=(
        Request(
            *("GET one", "GET", T + "/{id_}"),
            """
            request = function()
                local path = string.format("%s/%s", T, id(math.random(N) - 1))
                return wrk.format("GET", path)
            end""",
            lambda size: (f"{T}/{tasks.task_id(size // 2)}", None),
        ),
        Request(
            *("GET list", "GET", T),
            """
            request = function() return wrk.format("GET", LIST) end""",
            lambda size: (LIST, None),
        ),
        Request(
            *("PATCH", "PATCH", T + "/{id_}"),
            """
            count = 0
            request = function()
                count = count + 1
                local path = string.format("%s/%s", T, id(math.random(N) - 1))
                local body = string.format('{"ext": {"count": "%d-%d"}}', SEED, count)
                return wrk.format("PATCH", path, HEADERS, body)
            end""",
            lambda size: (
                f"{T}/{tasks.task_id(size // 2)}",
                {"ext": {"count": "0-0"}},
            ),
        ),
        Request(
            *("POST", "POST", T),
            """
            request = function() return wrk.format("POST", T, HEADERS, BODY) end""",
            lambda size: (T, TASK),
        ),
    ),
)

ARRAYS = ("active_states", "completed_states", "active_tasks", "completed_tasks")

EVERYTHING = urlencode(
    {**dict.fromkeys(ARRAYS, "true"), "extensions": ",".join(cases.EXTENSIONS)}
)

START = {"task_type": "call", "est_duration": 300, "media_type": 2}

SERVICES = Part(
    name="services",
    sizes="1000,100000",
    systems=("svctasks",),
    tables=lambda size: {
        "services": map(cases.service, range(1, size + 1)),
        "extensions": iter(cases.schemas()),
    },
    definitions=f"""
        EVERYTHING = {json.dumps(EVERYTHING)}
        BODY = {json.dumps(json.dumps(START))}
        LARGE = {cases.LARGE}
        OF_CUSTOMER = {cases.OF_CUSTOMER}
    """,
    requests=(
        Request(
            *("GET a large service", "GET", "/services/{id_}"),
            """
            request = function()
                local number = LARGE * math.random(N / LARGE)
                local path = string.format("/services/%d?%s", number, EVERYTHING)
                return wrk.format("GET", path)
            end""",
            lambda size: (f"/services/{_large(size)}?{EVERYTHING}", None),
        ),
        Request(
            *("GET a customer's active", "GET", "/customers/{id_}/services/active"),
            """
            request = function()
                local number = math.random(N / OF_CUSTOMER) - 1
                local path = "/customers/customer-%06d/services/active?limit=10"
                return wrk.format("GET", string.format(path, number))
            end""",
            lambda size: (
                f"/customers/{cases.customer(size // 2)}/services/active?limit=10",
                None,
            ),
        ),
        # Of small services that are active: the large ones stay as large as they are.
        Request(
            *("POST a task's start", "POST", "/services/{id_}/tasks/start"),
            """
            request = function()
                local customer = math.random(N / OF_CUSTOMER) - 1
                local number = OF_CUSTOMER * customer + math.random(3)
                local path = string.format("/services/%d/tasks/start", number)
                return wrk.format("POST", path, HEADERS, BODY)
            end""",
            lambda size: (f"/services/{_large(size) + 1}/tasks/start", START),
        ),
    ),
)

PARTS = {part.name: part for part in (TASKS, SERVICES)}


def _large(size: int) -> int:
    """Return the number of the large service before the middle of ``size``."""
    return size // 2 // cases.LARGE * cases.LARGE
