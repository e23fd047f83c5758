"""Services as a data file or an import has them, and the documents made of them.

What a person leaves out is completed, and all that is wrong is told with its place.
Context-services contract, sections 1 and 4.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import Faults, Invalid
from app.query.values import type_name
from app.schemas.extension import folded
from app.schemas.faults import checked, unknown
from app.schemas.fields import copied, members
from app.schemas.service import (
    ARRAYS,
    EVENT,
    EVENT_MEMBERS,
    SERVICES,
    STATES,
    TASKS,
    Level,
    duration,
    names,
    place,
    strange_states,
)


def loaded(raw: Any, number: int, moment: str) -> dict[str, Any]:
    """Return the complete document of a service that a data file or an import has.

    ``number`` is its id and ``moment`` its start if it has none. Members that are no field
    are extension values; whether they fit a schema is not looked at, for a file may come
    before the schema. Raises Invalid with all faults.
    """
    if not isinstance(raw, dict):
        raise Invalid("a service must be a JSON object")
    raw = {"service_id": number, "started": {"timestamp": moment}} | _present(raw)
    given, faults = _resource(SERVICES, raw, None)
    service_id = given.get("service_id", number)
    for name in ARRAYS:
        level = STATES if name.endswith("states") else TASKS
        nested = []
        for index, each in enumerate(given.get(name, ())):
            resource, of_nested = _nested(level, each, service_id, name)
            at = f"{name}.{index}"
            faults.include(of_nested, at)
            nested.append(level.arranged(resource))
        given[name] = nested
    checked(given, faults)
    for level in (STATES, TASKS):
        arrays = [name for name in ARRAYS if name.endswith(level.name)]
        ids = [each[level.id] for name in arrays for each in given[name]]
        if len(set(ids)) < len(ids):
            [(twice, _)] = Counter(ids).most_common(1)
            fault = [f"{level.id} {twice} is there twice"]
            raise Invalid(f"{arrays[0]}: {fault[0]}", {arrays[0]: fault})
        for name in arrays:
            given[name].sort(key=lambda each: place(level, each))
    for name in ARRAYS:
        for index, each in enumerate(given[name]):
            strange = strange_states(
                given,
                {n: each[n] for n in ("state_id", "previous_state_id") if n in each},
            )
            faults.include(strange, f"{name}.{index}.")
    checked(given, faults)
    return SERVICES.arranged(given)


def _nested(
    level: Level, raw: Any, service_id: int, array: str
) -> tuple[dict[str, Any], Faults]:
    if not isinstance(raw, dict):
        return {}, Faults({"": [f"must be an object, not {type_name(raw)}"]})
    given, found = _resource(level, _present(raw), array)
    if given.setdefault("service_id", service_id) != service_id:
        found["service_id"] = [f"must be {service_id}, that of the service, or absent"]
    faults = Faults()
    faults.include(found, ".")
    return given, faults


def _present(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in raw.items() if each is not None}


def _resource(
    level: Level, raw: dict[str, Any], array: str | None
) -> tuple[dict[str, Any], Faults]:
    """Read a stored resource; ``array`` is where it stands inside of a service."""
    given, faults = members(level.stored, raw)
    for name in ("started", "completed"):
        if name in given:
            event, of_event = members(EVENT, given[name])
            strange = unknown(given[name], EVENT_MEMBERS, "a member of an event")
            if "timestamp" not in event:
                of_event.setdefault("timestamp", ["is required"])
            of_event.include(strange)
            faults.include(of_event, f"{name}.")
            given[name] = event
    if array and ("completed" in given) != array.startswith("completed"):
        only = "must" if array.startswith("completed") else "must not"
        faults.setdefault("completed", [f"{only} be there in {array}"])
    if "completed" not in given:
        for name in ("duration", "disposition", "disposition_desc"):
            if name in given:
                faults[name] = ["must be absent: only what is completed has it"]
    elif not faults:
        moments = given["started"]["timestamp"], given["completed"]["timestamp"]
        given.setdefault("duration", duration(*moments))
    own = names(level.stored)
    others = {name: each for name, each in raw.items() if name not in own}
    faults.include(_strange(others, own, level))
    return given | {name: copied(each) for name, each in others.items()}, faults


def _strange(others: Mapping[str, Any], own: Sequence[str], level: Level) -> Faults:
    """Return the faults of members that are no fields and cannot be extension values."""
    faults, strange = Faults(), []
    times = Counter(map(folded, others))
    for name, value in others.items():
        if not _is_value(value):
            strange.append(name)
        elif folded(name) in level.reserved or times[folded(name)] > 1:
            faults[name] = ["cannot be the name of an extension here, it is taken"]
    what = f"a member of a {level.noun} nor an object or array of objects"
    faults.include(unknown(strange, own, what))
    return faults


def _is_value(value: Any) -> bool:
    records = value if isinstance(value, list) else [value]
    return all(isinstance(each, dict) for each in records)
