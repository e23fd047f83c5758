"""What a request says of a start, an end or a transition, read and checked.

What a body may hold depends on what is stored: extension schemas and business attributes
come in as ``Rules``. Context-services contract, sections 1, 3 and 4.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import Faults, Invalid, checked
from app.schemas.base import Schema, unknown
from app.schemas.extension import folded
from app.schemas.extension_values import Values
from app.schemas.service import (
    ASSOCIATION,
    EVENT_MEMBERS,
    SERVICES,
    TRANSITION,
    TYPED,
    Level,
    strange_states,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What stored definitions add to the rules of one level.

    ``values`` returns the rules of extension values by lower-case name; ``mapped`` turns
    the value of a field into the one to store, and raises ValueError. Both are called
    only where a body has something that they are about.
    """

    values: Callable[[], Mapping[str, Values]]
    mapped: Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Event:
    """What a request says of a start or an end: fields, and extension values."""

    given: dict[str, Any]
    values: dict[str, Any]

    def part(self, *names: str) -> dict[str, Any]:
        """Return the members ``names``, as far as they were given."""
        return {name: self.given[name] for name in names if name in self.given}

    def shown(self, former: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``started`` or ``completed`` shows of it, over the ``former`` one."""
        kept = {n: value for n, value in self.given.items() if n in EVENT_MEMBERS}
        return {**former, **kept}


def start(
    level: Level, body: Any, rules: Rules, inside: Mapping[str, Any] | None = None
) -> Event:
    """Read the start event of a service, or of a state or task ``inside`` of one.

    The ids of states are looked at where the service is given. Raises Invalid with all
    faults.
    """
    event, faults = _event(level.start, body, rules)
    if inside is not None:
        ids = event.part("state_id", "previous_state_id")
        faults.include(strange_states(inside, ids))
    if level is SERVICES and not event.part("customer_id", "contact_key"):
        if not faults.keys() & {"customer_id", "contact_key"}:
            faults["customer_id"] = ["is required, or else contact_key"]
    return checked(event, faults)


def end(level: Level, body: Any, ids: Mapping[str, int], rules: Rules) -> Event:
    """Read the end event of a resource; raises Invalid with all faults.

    ``ids`` are those of the address: the body may repeat them. Contract, section 1.
    """
    event, faults = _event(level.end, body, rules)
    faults.include(_strange_ids(event, ids))
    return checked(event, faults)


def association(body: Any, customer_id: str, rules: Rules) -> Event:
    """Read what amends the start event of a service; raises Invalid with all faults."""
    event, faults = _event(ASSOCIATION, body, rules)
    if not customer_id or "\0" in customer_id:
        # No body could hold such an id, and no data file.
        faults["customer_id"] = ["must not be empty, nor have a NUL, in the address"]
    elif event.given.setdefault("customer_id", customer_id) != customer_id:
        faults["customer_id"] = [
            f'must be the id of the address, "{customer_id}", or absent'
        ]
    return checked(event, faults)


def _strange_ids(event: Event, ids: Mapping[str, int]) -> Faults:
    """Return the faults of ids in a body that are not those of the address."""
    faults = Faults()
    for name, id_ in ids.items():
        if event.given.get(name, id_) != id_:
            faults[name] = [f"must be {id_}, that of the address, or absent"]
    return faults


def transition(
    body: Any,
    service_id: int,
    rules: Rules,
    inside: Mapping[str, Any] | None = None,
) -> tuple[int, Event, Event]:
    """Read a transition: the id of the state that ends, its end, the start of the next.

    ``service_id`` is that of the address, which the body may repeat. ``inside`` is the
    service, if its states are to be looked at. Raises Invalid with all faults.
    """
    event, faults = _event(TRANSITION, body, rules)
    faults.include(_strange_ids(event, {SERVICES.id: service_id}))
    ended, begun = event.given.pop("from", {}), event.given.pop("to", {})
    for name, part in (("from", ended), ("to", begun)):
        faults.include(_mapped(part, rules), f"{name}.")
    if inside is not None and "state_id" in ended:
        ids = {"from.state_id": ended["state_id"]}
        faults.include(strange_states(inside, ids))
    checked(event, faults)
    id_ = ended.pop("state_id")
    return (
        id_,
        Event(event.given | ended, {}),
        Event(event.given | begun | {"previous_state_id": id_}, event.values),
    )


def _event(schema: Schema, body: Any, rules: Rules) -> tuple[Event, Faults]:
    given, faults = schema.parsed(body)
    faults.include(_mapped(given, rules))
    values: dict[str, Any] = {}
    strange = []
    others = [name for name in body if name not in schema.names]
    extensions = rules.values() if others else {}
    for name in others:
        extension = extensions.get(folded(name))
        if extension is None:
            strange.append(name)
        elif extension.name in values:
            faults[name] = ["is in the body twice, in another case"]
        elif body[name] is not None:
            try:
                values[extension.name] = extension.whole(body[name])
            except Invalid as error:
                faults.include(error.faults)
    if strange:
        known = [*schema.names, *(extension.name for extension in extensions.values())]
        fault = "is not a member here nor a known extension"
        faults.include(unknown(strange, known, fault))
    return Event(given, values), faults


def _mapped(given: dict[str, Any], rules: Rules) -> Faults:
    """Put the value to store in the place of each mapped one; return the faults."""
    faults = Faults()
    for name in TYPED:
        if name in given:
            try:
                given[name] = rules.mapped(name, given[name])
            except ValueError as error:
                faults[name] = [str(error)]
    return faults
