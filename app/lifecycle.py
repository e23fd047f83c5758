"""How a start or an end changes a service: pure functions of documents.

Each takes a document and returns another, for a store to replace one by the other in one
atomic step. There is no cascade: completing a service or state leaves its children as they
are.
Context-services contract, section 3.
"""

from bisect import insort
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from app.datetimes import duration
from app.errors import Invalid, NotFound, checked
from app.schemas.events import Event
from app.schemas.extension import folded
from app.schemas.service import (
    ARRAYS,
    SERVICES,
    STATES,
    TASKS,
    Level,
    place,
    strange_states,
)

Document = Mapping[str, Any]


def service(service_id: int, event: Event, now: str) -> Document:
    """Return a new service."""
    keys = event.part("service_type", "customer_id", "contact_key")
    keys |= {"service_id": service_id, **{name: [] for name in ARRAYS}}
    return _started(SERVICES, keys, event, now)


def associated(document: Document, event: Event) -> Document:
    """Return the service after an association: the event amends the one it has."""
    started = event.shown(document["started"])
    keys = event.part("service_type", "customer_id", "contact_key", "est_duration")
    result = {**document, **keys, "started": started}
    if "completed" in document:
        moments = started["timestamp"], document["completed"]["timestamp"]
        result["duration"] = duration(*moments)
    return _with_values(SERVICES, result, event)


def with_started(
    document: Document, level: Level, id_: int, event: Event, now: str
) -> Document:
    """Return the service with a new state or task; raises Invalid."""
    ids = event.part("state_id", "previous_state_id")
    checked(ids, strange_states(document, ids))
    if "completed" in document:
        raise Invalid(
            f"service {document['service_id']} is completed; "
            f"no {level.noun} can be started in it"
        )
    keys = event.part(level.type, "previous_state_id", "state_id")
    ids = {level.id: id_, "service_id": document["service_id"]}
    return with_resource(document, level, _started(level, keys | ids, event, now))


def with_completed(
    document: Document, level: Level, id_: int, event: Event, now: str
) -> Document:
    """Return the service with itself, a state or a task completed.

    Raises NotFound, and Invalid if it is completed already.
    """
    resource = owner(document, level, id_)
    return with_resource(document, level, _ended(level, resource, event, now))


def with_transition(
    document: Document, former: int, end: Event, start: Event, id_: int, now: str
) -> Document:
    """Return the service with state ``former`` ended and the state ``id_`` started."""
    checked(former, strange_states(document, {"from.state_id": former}))
    changed = with_completed(document, STATES, former, end, now)
    return with_started(changed, STATES, id_, start, now)


def nested(document: Document, level: Level, part: str = "") -> list[Document]:
    """Return the states or tasks of a service by start time: all, active, completed."""
    if part:
        found: list[Document] = document[f"{part}_{level.name}"]
        return found
    both = [*document[f"active_{level.name}"], *document[f"completed_{level.name}"]]
    return sorted(both, key=partial(place, level))


def owner(document: Document, level: Level, id_: int) -> Document:
    """Return the resource of ``level`` that ``id_`` names; raises NotFound."""
    if level is SERVICES:
        return document
    for part in ("active", "completed"):
        found: Document
        for found in document[f"{part}_{level.name}"]:
            if found[level.id] == id_:
                return found
    raise NotFound(
        f"there is no {level.noun} {id_} in service {document['service_id']}"
    )


def with_resource(document: Document, level: Level, resource: Document) -> Document:
    """Return the service with ``resource`` in it, in the place of its former state."""
    if level is SERVICES:
        return resource
    key = partial(place, level)
    arrays = {
        name: [
            other for other in document[name] if other[level.id] != resource[level.id]
        ]
        for name in (f"active_{level.name}", f"completed_{level.name}")
    }
    part = "completed" if "completed" in resource else "active"
    insort(arrays[f"{part}_{level.name}"], resource, key=key)
    return {**document, **arrays}


def without_values(document: Document, level: Level, name: str) -> Document:
    """Return the service without any value of an extension; itself, if it has none."""
    changed = dict(document)
    if level is SERVICES:
        changed = with_value(document, name, None)
    else:
        for array in (f"active_{level.name}", f"completed_{level.name}"):
            changed[array] = [with_value(part, name, None) for part in document[array]]
    return document if changed == document else changed


def with_value(resource: Document, name: str, value: Any) -> dict[str, Any]:
    """Return a resource with this extension value; None and [] are no value."""
    others = {n: other for n, other in resource.items() if folded(n) != folded(name)}
    return others if value is None or value == [] else others | {name: value}


def value(resource: Document, name: str) -> Any:
    """Return the value of an extension, in any case of its name; None if there is none."""
    return next((v for n, v in resource.items() if folded(n) == folded(name)), None)


def ids(document: Document) -> Iterator[tuple[str, int]]:
    """Return all ids in a service, each with the name of its kind."""
    yield "service_id", document["service_id"]
    for level in (STATES, TASKS):
        for part in ("active", "completed"):
            for resource in document[f"{part}_{level.name}"]:
                yield level.id, resource[level.id]


def _started(
    level: Level, keys: dict[str, Any], event: Event, now: str
) -> dict[str, Any]:
    started = event.shown({"timestamp": now})
    resource = {**keys, "started": started, **event.part("est_duration")}
    return _with_values(level, resource, event)


def _ended(level: Level, resource: Document, event: Event, now: str) -> Document:
    if "completed" in resource:
        raise Invalid(f"{level.noun} {resource[level.id]} is completed already")
    end = event.shown({"timestamp": now})
    moments = resource["started"]["timestamp"], end["timestamp"]
    rest = {"completed": end, "duration": duration(*moments)}
    rest |= event.part("disposition", "disposition_desc")
    return _with_values(level, {**resource, **rest}, event)


def _with_values(level: Level, resource: Document, event: Event) -> dict[str, Any]:
    for name, given in event.values.items():
        resource = with_value(resource, name, given)
    return level.arranged(resource)
