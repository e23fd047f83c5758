"""The parts of the service that are measured: their data, and what is asked of them.

A request is Lua for wrk, which varies it, and one sample, whose reply the bare app repeats
in status and length. Reads come first: the checkpoints that writes need would slow them
down.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

import cases
import tasks

T = "/rest/v1/service/svctasks"


class Sample(NamedTuple):
    """One request: its path, and its body, which is sent as JSON."""

    path: str
    body: Any = None


@dataclass(frozen=True)
class Request:
    """A kind of request; ``address`` is what the bare app answers at.

    ``goals`` are the ratios to the bare app that we want, by server; ``headers`` are sent
    with each request. With ``knows``, the entity tag of the sample's reply is too, in
    If-None-Match. With ``of_all``, the plain stores are asked it too.
    """

    name: str
    method: str
    address: str
    script: str
    sample: Callable[[int], Sample]
    goals: Mapping[str, float] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    knows: bool = False
    writes: bool = False
    of_all: bool = False


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


def listing(**further: str) -> str:
    """Return the path of a list of 20, filtered and sorted."""
    asked = {"filter": '{"schedule": "work"}', "order": "name", "limit": "20"}
    return f"{T}?" + urlencode(asked | further)


def get(path: str) -> str:
    """Return the script that always asks for ``path``."""
    return f"""
        request = function() return wrk.format("GET", {json.dumps(path)}, HEADERS) end"""


def one(size: int) -> Sample:
    return Sample(f"{T}/{tasks.task_id(size // 2)}")


LIST, MASKED, FLAT = listing(), listing(mask="id,name,ext.ct"), listing(flat="true")

TASK = {name: tasks.task(1)[name] for name in ("name", "schedule")}

TASKS = Part(
    name="tasks",
    sizes="1000,10000,100000",
    systems=("svctasks", "sqlite3", "tinydb"),
    tables=lambda size: {"svctasks": map(tasks.task, range(size))},
    definitions=f"""
        T = {json.dumps(T)}
        BODY = {json.dumps(json.dumps(TASK))}
        function id(n)
            return string.format("%08x-019a-0000-0000-50e54938780c", n)
        end
    """,
    requests=(
        Request(
            name="GET one",
            method="GET",
            address=T + "/{id_}",
            script="""
            request = function()
                local path = string.format("%s/%s", T, id(math.random(N) - 1))
                return wrk.format("GET", path)
            end""",
            sample=one,
            goals={"gunicorn": 0.85, "granian": 0.55},
            of_all=True,
        ),
        Request(
            name="GET one, 304",
            method="GET",
            address=T + "/{id_}",
            script="""
            path = string.format("%s/%s", T, id(math.floor(N / 2)))
            request = function() return wrk.format("GET", path, HEADERS) end""",
            sample=one,
            goals={"gunicorn": 0.9},
            knows=True,
        ),
        Request(
            name="GET list",
            method="GET",
            address=T,
            script=get(LIST),
            sample=lambda size: Sample(LIST),
            goals={"gunicorn": 0.6, "granian": 0.35},
            of_all=True,
        ),
        Request(
            name="GET list, mask",
            method="GET",
            address=T,
            script=get(MASKED),
            sample=lambda size: Sample(MASKED),
            goals={"gunicorn": 0.5},
        ),
        Request(
            name="GET list, flat",
            method="GET",
            address=T,
            script=get(FLAT),
            sample=lambda size: Sample(FLAT),
            goals={"gunicorn": 0.5},
        ),
        Request(
            name="LOOKUP",
            method="POST",
            address=T,
            script="""
            request = function()
                local body = string.format('"%s"', id(math.random(N) - 1))
                return wrk.format("POST", T, HEADERS, body)
            end""",
            sample=lambda size: Sample(T, tasks.task_id(size // 2)),
            goals={"gunicorn": 0.8},
            # wrk sends usual methods only.
            headers={"X-HTTP-Method-Override": "LOOKUP"},
        ),
        Request(
            name="PATCH",
            method="PATCH",
            address=T + "/{id_}",
            script="""
            count = 0
            request = function()
                count = count + 1
                local path = string.format("%s/%s", T, id(math.random(N) - 1))
                local body = string.format('{"ext": {"count": "%d-%d"}}', SEED, count)
                return wrk.format("PATCH", path, HEADERS, body)
            end""",
            sample=lambda size: Sample(one(size).path, {"ext": {"count": "0-0"}}),
            goals={"gunicorn": 0.3, "granian": 0.15},
            writes=True,
            of_all=True,
        ),
        Request(
            name="POST",
            method="POST",
            address=T,
            script="""
            request = function() return wrk.format("POST", T, HEADERS, BODY) end""",
            sample=lambda size: Sample(T, TASK),
            goals={"gunicorn": 0.3, "granian": 0.15},
            writes=True,
            of_all=True,
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
            name="GET a large service",
            method="GET",
            address="/services/{id_}",
            script="""
            request = function()
                local number = LARGE * math.random(N / LARGE)
                local path = string.format("/services/%d?%s", number, EVERYTHING)
                return wrk.format("GET", path)
            end""",
            sample=lambda size: Sample(f"/services/{_large(size)}?{EVERYTHING}"),
            goals={"gunicorn": 0.6},
        ),
        Request(
            name="GET a customer's active",
            method="GET",
            address="/customers/{id_}/services/active",
            script="""
            request = function()
                local number = math.random(N / OF_CUSTOMER) - 1
                local path = "/customers/customer-%06d/services/active?limit=10"
                return wrk.format("GET", string.format(path, number))
            end""",
            sample=lambda size: Sample(
                f"/customers/{cases.customer(size // 2)}/services/active?limit=10"
            ),
        ),
        # Of small services that are active: the large ones stay as large as they are.
        Request(
            name="POST a task's start",
            method="POST",
            address="/services/{id_}/tasks/start",
            script="""
            request = function()
                local customer = math.random(N / OF_CUSTOMER) - 1
                local number = OF_CUSTOMER * customer + math.random(3)
                local path = string.format("/services/%d/tasks/start", number)
                return wrk.format("POST", path, HEADERS, BODY)
            end""",
            sample=lambda size: Sample(
                f"/services/{_large(size) + 1}/tasks/start", START
            ),
            goals={"gunicorn": 0.25},
            writes=True,
        ),
    ),
)

PARTS = {part.name: part for part in (TASKS, SERVICES)}


def _large(size: int) -> int:
    """Return the number of the large service before the middle of ``size``."""
    return size // 2 // cases.LARGE * cases.LARGE
